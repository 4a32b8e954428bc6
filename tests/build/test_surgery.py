"""Layers taken out of a model, or exchanged: what is left computes what it should, and faults say what is wrong."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from pipeline.build.graph import walk
from pipeline.build.initializers import initializers_kept
from pipeline.build.surgery import Removed, replaced, without
from pipeline.core.errors import UserError


def output(model: keras.Model, batch: np.ndarray) -> np.ndarray:
    return np.asarray(model(batch, training=False))


def batch_for(model: keras.Model) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(3, *model.inputs[0].shape[1:])).astype("float32")


def gated() -> keras.Model:
    x = inputs = keras.Input((4, 4, 3), name="image")
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="conv")(x)
    gate = layers.GlobalAveragePooling2D(keepdims=True, name="se_pool")(x)
    gate = layers.Dense(2, activation="relu", name="se_down")(gate)
    gate = layers.Dense(8, activation="sigmoid", name="se_up")(gate)
    x = layers.Multiply(name="gate")([x, gate])
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(2, name="head")(x), name="gated")


def attending() -> keras.Model:
    inputs = keras.Input((5, 4), name="series")
    normed = layers.LayerNormalization(name="norm")(inputs)
    value = layers.Dense(4, name="value")(normed)
    attended = layers.MultiHeadAttention(2, 2, name="attention")(key=value, value=value, query=normed)
    x = inputs + layers.Dropout(0.1, name="attention_dropout")(attended)
    x = layers.Flatten(name="flat")(x)
    return keras.Model(inputs, layers.Dense(2, name="head")(x))


def nested() -> keras.Model:
    inner_input = keras.Input((4,), name="inner_input")
    inner = keras.Model(
        inner_input,
        layers.Add(name="sum")([inner_input, layers.Dense(4, name="branch")(inner_input)]),
        name="block",
    )
    inputs = keras.Input((4,), name="row")
    x = inner(layers.Dense(4, name="stem")(inner(inputs)))
    x = layers.Add(name="skip")(
        [x, keras.Sequential([keras.Input((4,)), layers.Dense(4, name="a")], name="tail")(x)]
    )
    return keras.Model(inputs, layers.Dense(2, name="head")(x))


def names(removed: Removed) -> tuple[list[str], list[str], list[str]]:
    return (
        [part.name for part in removed.layers],
        list(removed.merges),
        [part.name for part in removed.unused],
    )


CASES: dict[str, tuple[Callable[[], keras.Model], list[str], tuple[list[str], list[str], list[str]]]] = {
    "a gate": (gated, ["se_*"], (["se_pool", "se_down", "se_up"], ["gate"], [])),
    "a merge, its first input is kept": (gated, ["gate"], (["gate"], [], ["se_pool", "se_down", "se_up"])),
    "operators, keyword tensors": (
        attending,
        ["attention", "attention_*", "norm"],
        (["norm", "attention", "attention_dropout"], ["add"], ["value"]),
    ),
    "a part of a shared nested model": (nested, ["block/branch"], (["block/branch"], ["block/sum"], [])),
    "nested models as a whole": (nested, ["block", "tail"], (["block", "tail"], ["skip"], [])),
    "all of a nested Sequential": (nested, ["a"], (["tail/a"], ["skip"], [])),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_taken_out_and_what_falls_with_it(case: str) -> None:
    build, patterns, expected = CASES[case]
    keras.utils.clear_session()
    model = build()
    result, removed = without(model, patterns)
    assert names(removed) == expected
    assert removed.parameters == model.count_params() - result.count_params() > 0
    assert not {*map(id, result.variables)} & {*map(id, model.variables)}


def test_without_a_gate_the_gated_tensor_is_computed_not_its_square() -> None:
    result, _ = without(gated(), ["se_*"])
    batch = batch_for(result)
    features = result.get_layer("pool")(result.get_layer("conv")(batch))
    np.testing.assert_array_equal(output(result, batch), np.asarray(result.get_layer("head")(features)))


def test_without_an_attention_branch_the_input_is_computed_not_its_double() -> None:
    result, _ = without(attending(), ["attention*"])
    batch = batch_for(result)
    expected = result.get_layer("head")(keras.ops.reshape(batch + result.get_layer("norm")(batch), (3, -1)))
    np.testing.assert_allclose(output(result, batch), np.asarray(expected), rtol=1e-6)
    result, _ = without(attending(), ["attention*", "norm"])
    expected = result.get_layer("head")(batch.reshape(3, -1))
    np.testing.assert_array_equal(output(result, batch), np.asarray(expected))


def test_a_shared_layer_stays_shared() -> None:
    model = nested()
    result, _ = without(model, ["tail"])
    assert [variable.path for variable in result.variables] == [
        variable.path for variable in model.variables if "tail" not in variable.path
    ]


def test_a_tensor_added_to_itself_by_the_author_stays_so() -> None:
    inputs = keras.Input((4,))
    x = layers.Dropout(0.5, name="drop")(inputs)
    result, removed = without(
        keras.Model(inputs, layers.Dense(1)(layers.Add(name="double")([x, x]))), ["drop"]
    )
    assert removed.merges == ()
    assert result.get_layer("double") is not None


def test_a_branch_that_falls_away_need_not_fit() -> None:
    inputs = keras.Input((4,))
    x = layers.Dense(8, name="widen")(inputs)
    gate = layers.Reshape((2, 4), name="split")(x)
    gate = layers.Flatten(name="join")(gate)
    merged = layers.Multiply(name="gate")([x, gate])
    _, removed = without(keras.Model(inputs, layers.Dense(1)(merged)), ["widen", "gate"])
    assert [part.name for part in removed.unused] == ["split", "join"]


def test_a_nested_model_is_made_for_the_shape_it_now_gets() -> None:
    inner = keras.Sequential(
        [keras.Input((4, 4, 3)), layers.Conv2D(4, 3, name="conv"), layers.GlobalMaxPooling2D()], name="inner"
    )
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, layers.Dense(1)(inner(layers.MaxPooling2D(name="half")(inputs))))
    result, _ = without(model, ["half"])
    assert result.get_layer("inner").input_shape == (None, 8, 8, 3)


def test_a_sequential_model_stays_one_and_keeps_what_is_frozen_and_compiled() -> None:
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(4, name="a"),
            layers.Dense(4, name="b"),
            layers.Dense(1, name="head"),
        ]
    )
    model.get_layer("a").trainable = False
    model.compile("sgd", "mse")
    result, removed = without(model, ["b"])
    assert [layer.name for layer in result.layers] == ["a", "head"]
    assert isinstance(result, keras.Sequential)
    assert not result.get_layer("a").trainable
    assert result.loss == "mse"
    assert removed.parameters == 20


class Scale(layers.Layer):
    def __init__(self, start: Any = "ones", **options: Any) -> None:
        super().__init__(**options)
        self.start = keras.initializers.get(start)

    def build(self, input_shape: tuple[int, ...]) -> None:
        self.scale = self.add_weight(shape=input_shape[-1:], initializer=self.start)

    def call(self, inputs: Any) -> Any:
        return inputs * self.scale

    def compute_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "start": keras.initializers.serialize(self.start)}


class Halves(keras.initializers.Initializer):
    def __call__(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        return keras.ops.full(shape, 0.5, dtype=dtype)


def swished(x: Any) -> Any:
    return x * keras.ops.sigmoid(x)


def test_what_is_of_ones_own_and_not_registered_is_made_again_with_its_initializers() -> None:
    factor = 3.0
    inputs = keras.Input((4,))
    x = layers.Dense(4, activation=swished, name="own_function")(inputs)
    x = layers.Dense(4, kernel_initializer=Halves())(x)
    x = layers.TimeDistributed(Scale(Halves()))(layers.Reshape((2, 2))(x))
    x = layers.Lambda(lambda tensor: tensor * factor, name="own_lambda")(layers.Flatten()(x))
    model = keras.Model(inputs, layers.Dense(1)(layers.Dropout(0.5, name="drop")(x)))
    with initializers_kept():
        result, _ = without(model, ["drop"])
    assert result.get_layer("own_lambda").function(2.0) == 6.0
    assert result.get_layer("own_function").activation is swished
    kept = [type(variable.made_with).__name__ for variable in result.trainable_variables]
    assert kept.count("Halves") == 2


def test_a_layer_in_a_nested_model_with_the_head_can_be_taken_out() -> None:
    result, removed = without(ending_in_a_model(), ["hidden"])
    assert removed.parameters == 15 + 4 - 5
    assert result.output_shape == (None, 1)


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__(name="own")
        self.inner = layers.Dense(3, name="inner")

    def call(self, inputs: Any) -> Any:
        return self.inner(inputs)


def with_subclassed() -> keras.Model:
    inputs = keras.Input((4,), name="row")
    return keras.Model(inputs, layers.Dense(1, name="head")(Subclassed()(inputs)))


def with_two_outputs() -> keras.Model:
    inputs = keras.Input((4, 3), name="series")
    x, state = layers.GRU(3, return_state=True, name="memory")(inputs)
    return keras.Model(inputs, layers.Dense(1, name="head")(layers.Add()([x, state])))


def ending_in_a_model() -> keras.Model:
    end = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, name="hidden"), layers.Dense(1, name="last")], name="end"
    )
    inputs = keras.Input((4,), name="row")
    return keras.Model(inputs, end(inputs))


def widening() -> keras.Model:
    inputs = keras.Input((4,), name="row")
    x = layers.Dense(8, name="widen")(inputs)
    return keras.Model(inputs, layers.Dense(1, name="head")(layers.Reshape((2, 4), name="split")(x)[:, 0]))


def flat() -> keras.Model:
    return keras.Sequential([keras.Input((4, 2)), layers.Flatten(name="flat"), layers.Dense(1, name="head")])


@pytest.mark.parametrize(
    ("build", "pattern", "words"),
    [
        (gated, "se_upp", ["no layer", "Did you mean 'se_up'?"]),
        (nested, "block/branhc", ["Did you mean 'block/branch'?"]),
        (nested, "inner_input", ["no layer"]),
        (gated, "ima*", ["the input 'image'", "inputs stay"]),
        (gated, "he?d", ["the output layer 'head'", "the head stays"]),
        (ending_in_a_model, "last", ["the output layer 'end/last'"]),
        (with_two_outputs, "memory", ["'memory'", "2 outputs"]),
        (with_subclassed, "own/inner", ["'own/inner' in 'own'", "subclassed"]),
        (widening, "widen", ["Reshape 'split'", "(None, 8)", "(None, 4)", "Keras: ", "must be unchanged"]),
        (flat, "flat", ["'head'", "(None, 1)", "(None, 4, 1)"]),
    ],
)
def test_a_fault_names_the_layer(build: Callable[[], keras.Model], pattern: str, words: list[str]) -> None:
    with pytest.raises(UserError) as error:
        without(build(), [pattern])
    for each in words:
        assert each in str(error.value)


@pytest.mark.parametrize(
    ("model", "words"),
    [(Subclassed(), "is subclassed"), (keras.Sequential([layers.Dense(1)]), "has no input shape")],
)
def test_a_model_without_a_graph_is_refused(model: keras.Model, words: str) -> None:
    with pytest.raises(UserError, match=words):
        without(model, ["inner"])


def various() -> keras.Model:
    inputs = keras.Input((4, 3), name="series")
    x = layers.Conv1D(4, 2, activation="relu", name="conv")(inputs)
    x = layers.BatchNormalization(name="norm")(x)
    x = keras.ops.relu(layers.ReLU(name="layer_relu")(x))
    inner = [keras.Input((3, 4)), layers.Dense(4, activation="relu", kernel_regularizer="l2", name="dense")]
    x = keras.Sequential([*inner, layers.Activation("relu", name="act")], name="inner")(x)
    x = layers.Bidirectional(layers.LSTM(2, activation="relu", recurrent_activation="relu"), name="both")(x)
    return keras.Model(inputs, layers.Activation("relu")(layers.Dense(2, activation="relu", name="head")(x)))


def at(model: keras.Model, path: str) -> Any:
    return dict(walk(model))[path]


def test_activations_are_replaced_everywhere_but_in_the_head() -> None:
    model = various()
    result = replaced(model, {"activation": {"ReLU": {"name": "leaky_relu", "negative_slope": 0.5}}})
    layer = at(result, "both").forward_layer
    activations = [at(result, "conv").activation, at(result, "inner/dense").activation, layer.cell.activation]
    activations += [at(result, "layer_relu"), at(result, "inner/act"), at(result, "relu")]
    values = [activation(keras.ops.convert_to_tensor([-1.0])) for activation in activations]
    np.testing.assert_array_equal(np.asarray(values), [[-0.5]] * 6)
    assert layer.recurrent_activation is keras.activations.relu
    assert [each.activation.__name__ for each in result.layers[-2:]] == ["relu", "relu"]
    assert not {*map(id, result.variables)} & {*map(id, model.variables)}


def test_layers_initializers_and_regularizers_are_replaced() -> None:
    changes: dict[str, dict[Any, Any]] = {
        "layer": {"batch_normalization": "LayerNormalization"},
        "initializer": {"glorot_uniform": {"name": "HeNormal"}, "Zeros": "ones"},
        "regularizer": {None: {"name": "L1", "l1": 0.5}, "L2": None},
    }
    with initializers_kept():
        result = replaced(various(), changes)
    conv, dense, head = (at(result, path) for path in ("conv", "inner/dense", "head"))
    assert isinstance(at(result, "norm"), layers.LayerNormalization)
    assert isinstance(conv.kernel.made_with, keras.initializers.HeNormal)
    assert isinstance(dense.bias.made_with, keras.initializers.Ones)
    assert float(conv.kernel_regularizer.l1) == 0.5
    assert conv.bias_regularizer is None
    assert dense.kernel_regularizer is None
    assert head.kernel_regularizer is None
    assert isinstance(head.kernel.made_with, keras.initializers.GlorotUniform)


def test_a_layer_in_another_ones_place_is_not_given_what_it_does_not_take() -> None:
    inputs = keras.Input((4,), name="words")
    x = layers.BatchNormalization(name="norm")(layers.Embedding(9, 3, mask_zero=True)(inputs))
    model = keras.Model(inputs, layers.Dense(1)(layers.GlobalAveragePooling1D()(x)))
    result = replaced(model, {"layer": {"BatchNormalization": "LayerNormalization"}})
    assert isinstance(at(result, "norm"), layers.LayerNormalization)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"activation": {"tanh": "gelu"}}, ["'tanh'", "nowhere", "relu"]),
        ({"activation": {"reluu": "gelu"}}, ["Did you mean 'relu'?"]),
        ({"activation": {"relu": "gelo"}}, ["model.replace.activation.relu", "Did you mean 'gelu'?"]),
        ({"layer": {"BatchNormalization": "LayerNormalisation"}}, ["Did you mean 'LayerNormalization'?"]),
        ({"layer": {"Dropout": "Identity"}}, ["'Dropout' occurs nowhere", "BatchNormalization"]),
        ({"layer": {"Conv1D": "Flatten"}}, ["cannot be built", "Keras: "]),
        ({"activations": {"relu": "gelu"}}, ["Did you mean 'activation'?"]),
    ],
)
def test_a_fault_in_replacements_names_what_there_is(changes: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(UserError) as error:
        replaced(various(), changes)
    for each in words:
        assert each in str(error.value)
