"""Which engine trains which runs, and the reason recorded for it."""

from typing import TYPE_CHECKING, Any

import pytest
from kit import recipe, run

from pipeline.params.keras_names import catalogue

from .training import train

if TYPE_CHECKING:
    from pipeline.engine.model_cache import ModelCache

ELEMENTWISE = {"SGD", "RMSprop", "Adam", "AdamW", "Adamax", "Adagrad", "Adadelta", "Nadam", "Lion", "Ftrl"}
NOT_ELEMENTWISE = {"Adafactor", "Lamb", "Muon"}
OTHERS = {"ScheduleFreeAdamW"}
KINDS: tuple[Any, ...] = ("trial", "replicate")


def test_every_optimizer_of_keras_is_listed_here() -> None:
    assert set(catalogue.names("optimizers")) == ELEMENTWISE | NOT_ELEMENTWISE | OTHERS


@pytest.mark.parametrize("name", sorted(ELEMENTWISE | NOT_ELEMENTWISE))
def test_whether_an_optimizer_updates_each_number_independently(model_cache: "ModelCache", name: str) -> None:  # noqa: ARG001
    from pipeline.engine.stacks import elementwise

    assert elementwise(recipe({"optimizer": {"name": name}}).optimizer) is (name in ELEMENTWISE)


@pytest.mark.parametrize("choice", ["auto", "fused"])
@pytest.mark.parametrize(
    ("patch", "reason"),
    [
        ({"optimizer": "muon"}, "the update of Muon is not elementwise"),
        ({"training": {"loss": "hinge"}}, "Hinge branches by its labels"),
        ({"phases": [{}, {"optimizer": "lamb"}]}, "the update of Lamb is not elementwise"),
    ],
    ids=["optimizer", "loss", "a later phase"],
)
def test_what_cannot_be_fused_is_trained_by_fit_and_the_reason_given(
    model_cache: "ModelCache", choice: Any, patch: dict[str, Any], reason: str
) -> None:
    from pipeline.engine.stacks import Engine

    stacks = Engine(model_cache, choice).stacks([run(patch), run(patch, seed=1)])
    assert [(stack.engine, len(stack.runs)) for stack in stacks] == [("fit", 1), ("fit", 1)]
    assert all(stack.reason.startswith(reason) for stack in stacks)


def test_stacks_hold_every_run_once_and_only_one_graph(model_cache: "ModelCache") -> None:
    from pipeline.engine.stacks import Engine

    patches = [{}, {"model": {"layers": [3]}}, {"optimizer": {"learning_rate": 0.2}}, {"schedule": "cosine"}]
    runs = [run(patch, seed=seed, kind=kind) for patch in patches for seed in (0, 1) for kind in KINDS]
    engine = Engine(model_cache)
    stacks = engine.stacks(runs)
    assert sorted(run.key for stack in stacks for run in stack.runs) == sorted(run.key for run in runs)
    assert len(stacks) == 4, "two nets, replicates and trials"
    assert [stack.runs for stack in stacks] == [stack.runs for stack in engine.stacks(runs)]
    assert all(len(set(map(model_cache.run_signature, stack.runs))) == 1 for stack in stacks)
    assert {stack.engine for stack in stacks} == {"fused"}


def test_fit_on_request(model_cache: "ModelCache") -> None:
    from pipeline.engine.stacks import Engine

    (stack,) = Engine(model_cache, "fit").stacks([run()])
    assert (stack.engine, stack.reason) == ("fit", "engine: fit")


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(NOT_ELEMENTWISE | OTHERS))
def test_the_other_optimizers_train_too(model_cache: "ModelCache", name: str) -> None:
    from pipeline.engine.stacks import Engine

    patch = {"optimizer": {"name": name, "learning_rate": 0.01}, "training": {"epochs": 1}}
    (trained,) = train(Engine(model_cache), [run(patch)])
    assert trained.record.outcome == "finished"
    assert trained.record.engine.name == ("fused" if trained.record.engine.reason == "one graph" else "fit")


def test_convolutions_train_one_by_one_on_a_cpu(model_cache: "ModelCache") -> None:
    from pipeline.engine.stacks import Engine

    net = {"model": {"layers": [{"filters": 2, "kernel_size": 3}]}}
    stacks = Engine(model_cache).stacks([run(net, seed=seed) for seed in range(3)])
    assert [(stack.engine, len(stack.runs), stack.small) for stack in stacks] == [("fused", 1, False)] * 3


def test_large_nets_train_one_a_core_and_small_ones_in_stacks(model_cache: "ModelCache") -> None:
    from pipeline.engine.stacks import Engine

    large = {"model": {"layers": [600, 600]}}
    stacks = Engine(model_cache).stacks([run(patch, seed=seed) for patch in (large, {}) for seed in range(3)])
    assert [(len(stack.runs), stack.small) for stack in stacks] == [(1, True)] * 3 + [(3, True)]
