"""Schedules against closed forms written out here again; Keras's schedules against Keras's own classes."""

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit import recipe

from pipeline.build.schedules import rates
from pipeline.params.keras_names import catalogue

RATE = 0.4


def table(schedule: Any, per_epoch: int = 5, epochs: int = 4) -> list[float]:
    """Return the rates of every step under `schedule`, as params files write it."""
    written = recipe({"schedule": schedule, "training": {"epochs": epochs}}).schedule
    array = rates(written, RATE, per_epoch, epochs)
    assert array.dtype == np.float32 and array.shape == (per_epoch * epochs,)
    return [float(rate) for rate in array]


def one_cycle(step: int, total: int, up: float = 0.45, down: float = 0.45) -> float:
    start, end = 0.1, 0.1 * 0.001
    top, back = up * total, (up + down) * total
    if step <= top:
        return start + (1 - start) * step / top
    if step <= back:
        return 1 - (1 - start) * (step - top) / (back - top)
    return start + (end - start) * (step - back) / (total - back)


def cosine(step: int, total: int, warmup: int = 0, final: float = 0.0) -> float:
    if step < warmup:
        return (step + 1) / warmup
    done = (step - warmup) / (total - warmup)
    return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * done))


CLOSED_FORMS = {
    "constant": ("constant", lambda _: 1.0),
    "plateau": ("plateau", lambda _: 1.0),
    "power": ({"name": "power", "steps": 4}, lambda t: 1 / (1 + t / 4)),
    "power_squared": ({"name": "power", "steps": 4, "exponent": 2}, lambda t: 1 / (1 + t / 4) ** 2),
    "exponential": ({"name": "exponential", "factor": 0.1, "epochs": 2}, lambda t: 0.1 ** ((t // 5) / 2)),
    "exponential_step": (
        {"name": "exponential", "factor": 0.1, "epochs": 2, "per": "step"},
        lambda t: 0.1 ** (t / 10),
    ),
    "piecewise": (
        {"name": "piecewise", "boundaries": [1, 3], "factors": [1.0, 0.5, 0.1]},
        lambda t: 1.0 if t < 5 else 0.5 if t < 15 else 0.1,
    ),
    "one_cycle": ("one_cycle", lambda t: one_cycle(t, 20)),
    "one_cycle_lopsided": (
        {"name": "one_cycle", "up": 0.25, "down": 0.5},
        lambda t: one_cycle(t, 20, up=0.25, down=0.5),
    ),
    "cosine": ("cosine", lambda t: cosine(t, 20)),
    "cosine_warm": (
        {"name": "cosine", "warmup": 0.25, "final_factor": 0.2},
        lambda t: cosine(t, 20, warmup=5, final=0.2),
    ),
}


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_every_step_is_that_of_the_closed_form(name: str) -> None:
    schedule, factor = CLOSED_FORMS[name]
    assert table(schedule) == pytest.approx([RATE * factor(step) for step in range(20)], rel=1e-6)


def test_one_cycle_reaches_its_extremes_without_a_jump() -> None:
    values = table("one_cycle", per_epoch=100, epochs=4)
    assert max(values) == values[180] == pytest.approx(RATE)
    assert values[0] == values[360] == pytest.approx(RATE * 0.1)
    assert min(values) == values[-1] < RATE * 0.1 * 0.05
    assert np.abs(np.diff(values)).max() == pytest.approx(RATE * 0.9 / 180, rel=1e-3)


@pytest.mark.parametrize(
    ("shares", "first", "last"),
    [({"up": 0.0, "down": 1.0}, 1.0, 0.1 + 0.9 / 20), ({"up": 1.0, "down": 0.0}, 0.1, 1.0 - 0.9 / 20)],
)
def test_one_cycle_of_one_stretch(shares: dict[str, float], first: float, last: float) -> None:
    values = table({"name": "one_cycle", **shares})
    assert [values[0], values[-1]] == pytest.approx([RATE * first, RATE * last])


@given(warmup=st.floats(0, 0.99), per_epoch=st.integers(1, 30), epochs=st.integers(1, 5))
@settings(deadline=None, max_examples=60)
def test_a_warm_up_never_overshoots_the_rate(warmup: float, per_epoch: int, epochs: int) -> None:
    values = table({"name": "cosine", "warmup": warmup}, per_epoch, epochs)
    assert max(values) <= RATE * (1 + 1e-6) and min(values) >= 0
    rising = [late >= early for early, late in pairwise(values)]
    assert rising == sorted(rising, reverse=True), "up, then down, and no more"


KERAS_ARGUMENTS: dict[str, dict[str, Any]] = {
    "CosineDecay": {"decay_steps": 10, "warmup_target": 0.7, "warmup_steps": 3},
    "CosineDecayRestarts": {"first_decay_steps": 4},
    "ExponentialDecay": {"decay_steps": 4, "decay_rate": 0.5, "staircase": True},
    "InverseTimeDecay": {"decay_steps": 4, "decay_rate": 0.5},
    "PiecewiseConstantDecay": {"boundaries": [3, 8], "values": [0.5, 0.25, 0.125]},
    "PolynomialDecay": {"decay_steps": 10, "power": 2.0},
}


def test_the_arguments_cover_every_schedule_of_keras() -> None:
    assert set(KERAS_ARGUMENTS) == set(catalogue.names("schedules"))


@pytest.mark.parametrize("name", KERAS_ARGUMENTS)
def test_keras_schedules_are_keras_own(name: str) -> None:
    import keras

    kind = getattr(keras.optimizers.schedules, name)
    start = {} if name == "PiecewiseConstantDecay" else {"initial_learning_rate": RATE}
    expected = [float(kind(**start, **KERAS_ARGUMENTS[name])(float(step))) for step in range(20)]
    assert table({"name": name, **KERAS_ARGUMENTS[name]}) == pytest.approx(expected, rel=1e-6)


def test_a_keras_schedule_may_start_from_a_rate_of_its_own() -> None:
    own = {
        "name": "PolynomialDecay",
        "decay_steps": 10,
        "initial_learning_rate": 0.2,
        "end_learning_rate": 0.0,
    }
    assert table(own)[:2] == pytest.approx([0.2, 0.18])


def test_a_schedule_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_schedules.py").write_text(
        "import keras\n"
        "class Halving(keras.optimizers.schedules.LearningRateSchedule):\n"
        "    def __init__(self, initial_learning_rate, every):\n"
        "        self.rate, self.every = initial_learning_rate, every\n"
        "    def __call__(self, step):\n"
        "        return self.rate * 0.5 ** (step // self.every)\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    values = table({"name": "my_schedules:Halving", "every": 10})
    assert values == pytest.approx([RATE] * 10 + [RATE / 2] * 10)
