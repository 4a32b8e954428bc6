"""Recipes that `check` accepts: drawn ones are built or refused by Keras, and a few of them trained for an epoch."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kit import CONTEXT
from params.cases import accepted

from pipeline.params.keras_names import catalogue
from pipeline.params.keras_names.catalogue import Namespace
from pipeline.params.types.phases import phases_of
from pipeline.params.types.tasks import loss_of
from pipeline.runs.run import Run

if TYPE_CHECKING:
    from pipeline.engine.stacks import Engine

pytestmark = pytest.mark.slow

# No graph of thousands of layers: building it takes long, and tests nothing more.
LAYERS = st.one_of(
    st.integers(-1, 8),
    st.sampled_from([0.5, "flatten", "dense", {"units": 3, "repeat": 3}, {"units": 3, "use_bias": False}]),
    st.builds(
        lambda filters, kernel, padding, strides: {
            "filters": filters, "kernel_size": kernel, "padding": padding, "strides": strides
        },
        st.integers(1, 3), st.sampled_from([1, 3, [1, 2], 0, [1, 2, 3]]), st.just("same"), st.integers(1, 2),
    ),
    st.sampled_from(catalogue.names("layers")).map(lambda name: {"name": name}),
    st.sampled_from(catalogue.names("activations")).map(lambda name: {"units": 2, "activation": name}),
    st.sampled_from([{"units": 3, "dropout": 0.5}, {"units": 3, "normalisation": "before"}, "GaussianNoise"]),
)  # fmt: skip


def one(namespace: Namespace) -> st.SearchStrategy[Any]:
    return st.sampled_from(catalogue.names(namespace))


RECIPES = st.fixed_dictionaries(
    {
        "model": st.fixed_dictionaries(
            {"layers": st.lists(LAYERS, max_size=4)},
            optional={
                "activation": one("activations"),
                "initializer": one("initializers"),
                "normalisation": st.sampled_from(["input", "before", "after", "none", ["input", "after"]]),
                "output": st.fixed_dictionaries(
                    {}, optional={"activation": one("activations"), "units": st.integers(0, 12)}
                ),
            },
        ),
        "optimizer": st.fixed_dictionaries(
            {"name": one("optimizers")},
            optional={
                "learning_rate": st.sampled_from([1e-3, 1, 0]),
                "clipnorm": st.sampled_from([1.0, 0]),
                "clipvalue": st.just(0.5),
            },
        ),
        "training": st.fixed_dictionaries(
            {"epochs": st.sampled_from([1, 1, 1, 0])},
            optional={
                "loss": one("losses"),
                "batch_size": st.sampled_from([1, 48, 10**6]),
                "early_stopping": st.just({"patience": 0}),
            },
        ),
    },
    optional={
        "schedule": st.one_of(
            one("schedules"),
            st.sampled_from(
                ["constant", "plateau", "one_cycle", "cosine", {"name": "piecewise", "boundaries": [1], "factors": [1, 2]}]
            ),
        ),
        "regularisation": st.fixed_dictionaries(
            {},
            optional={
                "kernel_regularizer": one("regularizers"),
                "kernel_constraint": one("constraints"),
                "dropout": st.sampled_from([0.2, 1, {"name": "GaussianNoise", "stddev": 0.1}]),
            },
        ),
        "data": st.sampled_from(
            [{"classes": [0, 1]}, {"classes": [8, 12]}, {"limit": 90, "validation": 40}, {"scale": "standardise"}]
        ),
        "phases": st.lists(
            st.sampled_from([
                {},
                {"name": "head", "trainable": "head"},
                {"trainable": {"top": 1}},
                {"reuse": 0},
                {"data": {"classes": [0, 1, 2]}},
                {"optimizer": "adam", "training": {"epochs": 1}},
            ]),
            max_size=2,
        ),
    },
)  # fmt: skip


def budget(examples: int) -> settings:
    return settings(
        max_examples=examples, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )


@budget(100)
@given(RECIPES)
def test_what_is_accepted_can_be_built_or_keras_refuses_it(raw: dict[str, Any]) -> None:
    from pipeline.build.built import BuildError
    from pipeline.build.model import build_model
    from pipeline.build.resolve import make

    recipe = accepted(raw)
    for phase in phases_of(recipe) if recipe is not None else ():
        classes = len(phase.recipe.data.classes or range(10))
        with suppress(BuildError):
            build_model(phase.recipe, (8, 8, 1), classes)
        make("losses", loss_of(phase.recipe, "classes"))


TRAINED = st.fixed_dictionaries({
    "model": st.just({"layers": [4]}),
    "optimizer": st.fixed_dictionaries({"name": one("optimizers")}),
    "training": st.fixed_dictionaries({"epochs": st.just(1), "batch_size": st.just(48), "loss": one("losses")}),
    "data": st.just({"limit": 90, "validation": 40}),
})  # fmt: skip


@budget(8)
@given(raw=TRAINED)
def test_what_is_accepted_can_be_trained(raw: dict[str, Any], fit: "Engine") -> None:
    recipe = accepted(raw)
    if recipe is None:
        return
    run = Run(recipe, CONTEXT, "trial", 0)
    (stack,) = fit.stacks([run])
    (trained,) = fit.train(stack, lambda *_: None)
    assert trained.record.outcome in ("finished", "diverged")
