"""Every name that a params file may use trains through the public engine.

Names of one kind share a net where they can: a graph takes seconds to compile. Where a shared net fails, each name is
tried alone, so that the failure shows which of them fail.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from kit import run

from pipeline.params.keras_names import catalogue

from .training import train

if TYPE_CHECKING:
    from pipeline.engine.stacks import Engine

pytestmark = pytest.mark.slow

ARGUMENTS: dict[str, dict[str, Any]] = {
    "GaussianNoise": {"stddev": 0.1},
    **{name: {"rate": 0.2} for name in ("AlphaDropout", "Dropout", "GaussianDropout")},
    "VarianceScaling": {"distribution": "uniform"},
    "Constant": {"value": 0.01},
    "threshold": {"threshold": 0.1, "default_value": 0.0},
}


def named(name: str) -> dict[str, Any]:
    return {"name": name, **ARGUMENTS.get(name, {})}


def assert_trains(engine: "Engine", patches: Sequence[dict[str, Any]]) -> None:
    short = [
        {**patch, "training": {"epochs": 1, "batch_size": 48, **patch.get("training", {})}}
        for patch in patches
    ]
    for trained in train(engine, [run(patch, seed, "trial") for patch in short for seed in (0, 1)]):
        assert trained.record.outcome == "finished", trained.record.recipe
        assert trained.weights is not None and all(np.isfinite(array).all() for array in trained.weights)


def assert_all_train(
    engine: "Engine", names: Sequence[str], patch: Callable[[Sequence[str]], dict[str, Any]]
) -> None:
    """Train one net that uses all `names`; where that fails, show which of them fail."""
    try:
        assert_trains(engine, [patch(names)])
    except Exception:
        assert [name for name in names if not _trains(engine, patch([name]))] == []
        raise


def _trains(engine: "Engine", patch: dict[str, Any]) -> bool:
    try:
        assert_trains(engine, [patch])
    except Exception:
        return False
    return True


def layers(names: Sequence[str]) -> dict[str, Any]:
    return {"model": {"layers": [{"units": 4, "activation": named(name)} for name in names]}}


# PReLU is the only layer among the activations that is not a function as well.
ACTIVATIONS = [*catalogue.names("activations"), "PReLU"]


@pytest.mark.parametrize("part", [0, 1, 2])
def test_every_activation(fused: "Engine", part: int) -> None:
    assert_all_train(fused, ACTIVATIONS[part::3], layers)


def test_every_initializer(fused: "Engine") -> None:
    assert_trains(
        fused, [{"model": {"initializer": named(name)}} for name in catalogue.names("initializers")]
    )


@pytest.mark.parametrize("name", catalogue.names("regularizers"))
def test_every_regularizer(fused: "Engine", name: str) -> None:
    assert_trains(fused, [{"regularisation": {"kernel_regularizer": named(name)}}])


@pytest.mark.parametrize("name", catalogue.names("constraints"))
def test_every_constraint(fused: "Engine", name: str) -> None:
    assert_trains(fused, [{"regularisation": {"kernel_constraint": named(name)}}])


@pytest.mark.parametrize("name", catalogue.names("losses"))
def test_every_loss(fused: "Engine", name: str) -> None:
    assert_trains(fused, [{"model": {"layers": []}, "training": {"loss": named(name)}}])


def noisy(names: Sequence[str]) -> dict[str, Any]:
    return {"model": {"layers": [{"units": 4, "dropout": named(name)} for name in names]}}


def test_every_noise(fused: "Engine") -> None:
    names = catalogue.names("noise")
    assert_all_train(fused, names, noisy)
