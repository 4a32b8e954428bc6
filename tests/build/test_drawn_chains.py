"""Chains of any layers of any sizes: Keras refuses them before they train, or they train."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from params.cases import accepted

from pipeline.params.keras_names import catalogue
from pipeline.params.keras_names.catalogue import Namespace

from .drawn_layers import calls

pytestmark = pytest.mark.slow

SHAPE, CLASSES = (8, 8), 10


def one(space: Namespace, *more: dict[str, Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from([*catalogue.names(space), *more])


def spellings(space: Namespace) -> st.SearchStrategy[Any]:
    """Draw a name as people write it, bare or in a mapping."""
    names = one(space)
    return st.one_of(names, names.map(str.lower), names.map(lambda name: {"name": name}))


ACTIVATIONS = st.one_of(
    one("activations", {"name": "softmax", "axis": 2}, {"name": "relu", "threshold": -1}),
    one("activation_layers", {"name": "prelu", "shared_axes": [1, 2]}),
)
INITIALIZERS = one(
    "initializers",
    {"name": "VarianceScaling", "scale": 0},
    {"name": "VarianceScaling", "mode": "fan_out", "distribution": "normal"},
    {"name": "VarianceScaling", "distribution": "gaussian"},
)
REGULARIZERS = one("regularizers", {"name": "l2", "l2": -1}, {"name": "l1_l2", "l1": 0.1})
CONSTRAINTS = one("constraints", {"name": "max_norm", "axis": [0, 1, 2]}, {"name": "unit_norm", "axis": 1})
NOISE = st.sampled_from(
    [
        *(0, 0.3),
        {"name": "AlphaDropout", "rate": 0.2, "where": "before"},
        {"name": "GaussianNoise", "stddev": 2},
    ]
)
WIDTH, SIDE = st.integers(1, 6), st.integers(1, 4)
OWN = {
    "repeat": st.integers(1, 3),
    "activation": ACTIVATIONS,
    "initializer": INITIALIZERS,
    "normalisation": st.sampled_from(["none", "before", "after"]),
    "use_bias": st.booleans(),
}
NESTED = {
    "activation": spellings("activations"),
    "kernel_initializer": spellings("initializers"),
    "bias_initializer": spellings("initializers"),
    "kernel_regularizer": spellings("regularizers"),
    "kernel_constraint": spellings("constraints"),
}
LAYERS = st.one_of(
    WIDTH,
    st.fixed_dictionaries({"units": WIDTH}, optional={**OWN, "dropout": NOISE}),
    st.fixed_dictionaries(
        {"filters": WIDTH, "kernel_size": st.one_of(SIDE, st.lists(SIDE, min_size=2, max_size=2))},
        optional={**OWN, "strides": SIDE, "padding": st.sampled_from(["same", "valid"])},
    ),
    st.fixed_dictionaries({"name": st.just("Dense"), "units": WIDTH}, optional=NESTED),
    st.fixed_dictionaries(
        {"name": st.just("Conv2D"), "filters": WIDTH, "kernel_size": SIDE}, optional=NESTED
    ),
    calls(0).map(lambda call: {"name": call[0], **call[1]}),
    calls(0).map(lambda call: {"name": call[0], **call[1]}),
)
RECIPES = st.fixed_dictionaries(
    {
        "model": st.fixed_dictionaries(
            {"layers": st.lists(LAYERS, min_size=1, max_size=5)},
            optional={
                "activation": ACTIVATIONS,
                "initializer": INITIALIZERS,
                "normalisation": st.sampled_from(["input", "before", "after", "none", ["input", "after"]]),
                "use_bias": st.booleans(),
                "output": st.fixed_dictionaries(
                    {},
                    optional={"activation": ACTIVATIONS, "initializer": INITIALIZERS, "units": st.integers(10, 12)},
                ),
            },
        ),
        "optimizer": st.just("sgd"),
        "training": st.just({"epochs": 1}),
    },
    optional={
        "regularisation": st.fixed_dictionaries(
            {},
            optional={
                "kernel_regularizer": REGULARIZERS,
                "kernel_constraint": CONSTRAINTS,
                "dropout": NOISE,
            },
        )
    },
)  # fmt: skip


def step(model: Any) -> None:
    """Do to a model what a step of training does to it, with numbers."""
    import keras
    import numpy as np
    import tensorflow as tf

    images = np.random.default_rng(0).normal(size=(3, *model.input_shape[1:])).astype("float32")
    with tf.GradientTape() as tape:
        outputs = model(images, training=True)
        loss = tf.reduce_sum(outputs) + sum(model.losses)
    gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    optimizer = keras.optimizers.SGD(0.01)
    optimizer.apply_gradients(
        (gradient, variable)
        for gradient, variable in zip(gradients, model.trainable_variables, strict=True)
        if gradient is not None
    )
    assert outputs.shape == (3, *model.output_shape[1:])


@pytest.mark.filterwarnings("ignore")  # of Keras about drawn models
@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(RECIPES)
def test_a_chain_of_any_sizes_is_refused_in_keras_words_or_it_trains(raw: dict[str, Any]) -> None:
    import keras

    from pipeline.build.built import BuildError
    from pipeline.build.model import build_model

    recipe = accepted(raw)
    if recipe is None:
        return
    keras.utils.clear_session(free_memory=False)  # names only: collecting garbage takes a second each time
    try:
        model = build_model(recipe, (*SHAPE, 1), CLASSES)
    except BuildError as error:
        assert str(error).startswith(("model.", "the ")) and "\n" not in str(error)
        return
    step(model)
