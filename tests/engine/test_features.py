"""Frozen layers computed once: the same training, less to compute, or a reason why not."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest
from kit import SMALL, recipe, run

from pipeline.engine.features import Parts, on_features
from pipeline.engine.jobs import Job
from pipeline.params.expansion.resolve import validated
from pipeline.params.patches import merge

from .training import assert_near, same_bits, train

if TYPE_CHECKING:
    from pipeline.engine.jobs import TrainedRun
    from pipeline.engine.stacks import Engine

FIRST: dict[str, Any] = {"name": "first", "data": {"classes": [0, 1, 2, 3, 4]}, "training": {"epochs": 1}}
NORMAL: dict[str, Any] = {"layers": [8, {"units": 6, "activation": "prelu"}, 4], "normalisation": "before"}


def patch(cached: bool, **frozen: Any) -> dict[str, Any]:
    second = {"name": "second", "data": {"classes": [5, 6, 7, 8, 9]}, **frozen, "cache_features": cached}
    last = {"name": "last", "data": {"classes": [5, 6, 7, 8, 9]}, "training": {"epochs": 1}}
    return {"data": {"limit": 60}, "model": NORMAL, "phases": [FIRST, second, last]}


def pair(engine: "Engine", **frozen: Any) -> list[tuple["TrainedRun", "TrainedRun"]]:
    """Return three runs, whose frozen weights differ, each trained without the cache and with it."""
    plain, cached = (
        train(engine, [run(patch(cached, **frozen), seed=seed) for seed in range(3)])
        for cached in (False, True)
    )
    return list(zip(plain, cached, strict=True))


FREEZING: dict[str, dict[str, Any]] = {
    "all but the head": {"trainable": "head"},
    "all but the top, clipped": {"trainable": {"top": 1}, "optimizer": {"clipnorm": 0.1}},
    "the lowest, with dropout above": {
        "trainable": {"only": [1]},
        "model": {"layers": [8, {"units": 6, "activation": "prelu", "dropout": 0.3}, 4]},
        "training": {"early_stopping": {"patience": 0}, "epochs": 3},
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fused", "fit"])
@pytest.mark.parametrize("frozen", FREEZING)
def test_training_is_the_same(request: pytest.FixtureRequest, name: str, frozen: str) -> None:
    engine: Engine = request.getfixturevalue(name)
    for plain, cached in pair(engine, **FREEZING[frozen]):
        object.__setattr__(cached.record, "key", plain.record.key)  # the recipes differ, and so do the keys
        assert_near(plain, cached, tolerance=1e-5)
        assert "not cached" not in cached.record.engine.reason
        assert len(cached.record.phase_seconds) == 3
        assert sum(cached.record.phase_seconds) == pytest.approx(cached.record.seconds)


@pytest.mark.slow
def test_a_last_phase_is_tested_on_features_too(fused: "Engine") -> None:
    def last(cached: bool) -> dict[str, Any]:
        return {"phases": [FIRST, {**patch(cached, trainable="head")["phases"][1]}]}

    plain, cached = (train(fused, [run(last(is_cached))])[0] for is_cached in (False, True))
    assert cached.record.metrics == pytest.approx(plain.record.metrics, rel=1e-4)
    assert "test_accuracy" in cached.record.metrics


@pytest.mark.slow
def test_features_that_would_not_fit_are_not_kept(fused: "Engine", monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [run(patch(True, trainable="head"), seed=seed) for seed in range(2)]
    monkeypatch.setattr("pipeline.engine.features.LARGEST", 100)
    without = train(fused, runs)
    reason = without[0].record.engine.reason
    assert reason.startswith("one graph; features of second not cached: they would take 0.0 GB")
    monkeypatch.undo()
    again = train(fused, [run(patch(False, trainable="head"), seed=seed) for seed in range(2)])
    assert all(
        same_bits(one, other) or one.record.curves == pytest.approx(other.record.curves)
        for one, other in zip(without, again, strict=True)
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fused", "fit"])
def test_only_what_trains_is_computed_each_epoch(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Twelve frozen layers are computed once: epochs see their 64 outputs and the head's two weights alone."""
    model = {"layers": [{"units": 64, "repeat": 12}], "activation": "selu"}
    frozen = {"trainable": "head", "cache_features": True, "training": {"epochs": 3}}
    deep = {"data": {"limit": 90}, "model": model, "phases": [{"training": {"epochs": 1}}, frozen]}
    computed: list[tuple[Parts, list[Job]]] = []

    def spy(parts: Parts, jobs: Sequence[Job]) -> list[Job]:
        computed.append((parts, on_features(parts, jobs)))
        return computed[-1][1]

    monkeypatch.setattr("pipeline.engine.phases.on_features", spy)
    train(request.getfixturevalue(name), [run(deep, seed=seed) for seed in range(2)])
    assert all(len([layer for layer in parts.lower.layers if layer.weights]) == 12 for parts, _ in computed)
    jobs = [job for _, stack in computed for job in stack]
    assert [[weights.shape for weights in job.weights] for job in jobs] == [[(64, 10), (10,)]] * 2
    assert all(job.view.x.shape[1:] == (64,) for job in jobs)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "nothing below the blocks that train is frozen"),
        ({"trainable": {"top": 3}}, "nothing below the blocks that train is frozen"),
        ({"trainable": {"only": [0, 2]}}, "nothing below the blocks that train is frozen"),
        ({"trainable": "head", "model": {"layers": []}}, "nothing below the blocks that train is frozen"),
        ({"trainable": "head", "regularisation": {"dropout": 0.1}}, "the frozen blocks hold Dropout"),
        (
            {"trainable": {"top": 1}, "model": {"layers": [{"name": "GaussianNoise", "stddev": 1.0}, 4]}},
            "the frozen blocks hold GaussianNoise",
        ),
        (
            {"trainable": "head", "model": {"towers": 2}, "data": {"pairs": 4}},
            "frozen blocks of two towers cannot be computed once",
        ),
    ],
)
def test_where_it_makes_no_sense(changes: dict[str, Any], expected: str) -> None:
    patch = {"model": NORMAL, "phases": [{"cache_features": True, **changes}]}
    _, (fault,) = validated(merge(SMALL, patch), None)
    assert fault.sentence().startswith(f"phases[0].cache_features: {expected}")


def test_noise_in_a_layer_within_a_frozen_one_is_a_reason_not_to() -> None:
    from pipeline.build.freezing import freeze_layers
    from pipeline.build.model import build_model
    from pipeline.engine.features import cut_at_frozen

    series = {"name": "Reshape", "target_shape": [8, 8]}
    recurrent = {"name": "LSTM", "units": 3, "dropout": 0.5}
    own = recipe({"model": {"layers": [series, recurrent]}})
    model = build_model(own, (8, 8, 1), 10)
    freeze_layers(model, "head", own)
    assert not hasattr(model.get_layer("block1_layer"), "seed_generator")
    assert cut_at_frozen(model) == "block1_layer may not give the same every time"
