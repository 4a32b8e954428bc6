"""Models and their initial weights from recipes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kit import recipe

from pipeline.params.patches import merge

FOUR = {"layers": [{"units": 5, "repeat": 3}, 4]}


def built(patch: dict[str, Any], classes: int = 10) -> Any:
    from pipeline.build.model import build_model

    return build_model(recipe(patch), (8, 8, 1), classes)


def parts(patch: dict[str, Any]) -> list[str]:
    return [layer.name for layer in built(patch).layers[1:]]


def block(number: int, *names: str) -> list[str]:
    return [f"block{number}_{name}" for name in names]


TAIL = ["output", "output_activation"]


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"model": {"layers": []}}, TAIL),
        ({"model": {"layers": [3]}}, [*block(0, "dense", "activation"), *TAIL]),
        (
            {"model": {"layers": [3], "normalisation": ["input", "before"]}},
            ["input_norm", *block(0, "dense", "norm", "activation"), *TAIL],
        ),
        (
            {"model": {"layers": [3], "normalisation": "after"}, "regularisation": {"dropout": 0.1}},
            [*block(0, "dense", "activation", "norm", "dropout"), *TAIL],
        ),
        (
            {
                "model": {"layers": [3]},
                "regularisation": {"dropout": {"name": "Dropout", "rate": 0.1, "where": "before"}},
            },
            [*block(0, "dropout", "dense", "activation"), "output_dropout", *TAIL],
        ),
        (
            {
                "model": {
                    "layers": [{"filters": 10, "kernel_size": 3}, "GlobalAveragePooling2D"],
                    "output": "none",
                },
                "regularisation": {"dropout": {"name": "Dropout", "rate": 0.1, "where": "before"}},
            },
            [*block(0, "conv", "activation"), *block(1, "layer"), "output_activation"],
        ),
        (
            {"model": {"layers": [{"filters": 2, "kernel_size": 3}, {"name": "MaxPooling2D"}, 3]}},
            [
                *block(0, "conv", "activation"),
                *block(1, "layer"),
                *block(2, "flatten", "dense", "activation"),
                *TAIL,
            ],
        ),
    ],
    ids=["softmax", "dense", "before", "after", "dropout before", "no weights", "convolution"],
)
def test_layers_are_where_the_recipe_puts_them(patch: dict[str, Any], expected: list[str]) -> None:
    assert parts(patch) == expected


def test_widths_are_those_written() -> None:
    net = built({"model": FOUR}, classes=7)
    assert [layer.units for layer in net.layers if hasattr(layer, "units")] == [5, 5, 5, 4, 7]
    assert built({"model": {"output": {"units": 12}}}, classes=7).output_shape == (None, 12)


def test_an_output_without_weights_is_the_activation_of_the_last_hidden_layer() -> None:
    net = built({"model": {"layers": [10], "activation": "linear", "output": "none"}})
    x = np.random.default_rng(0).normal(size=(3, 64)).astype(np.float32)
    logits = x @ np.asarray(net.weights[0])
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.asarray(net(x)) == pytest.approx(expected, rel=1e-4)


def test_batch_normalisation_takes_the_arguments_written() -> None:
    net = built({"model": {"layers": [3], "normalisation": {"where": ["input", "before"], "scale": False}}})
    norms = [net.get_layer("input_norm"), net.get_layer("block0_norm")]
    assert [norm.gamma for norm in norms] == [None, None] and all(norm.beta is not None for norm in norms)
    assert not net.get_layer("block0_dense").use_bias


def test_penalties_and_constraints_reach_the_kernels_they_are_for() -> None:
    penalties = {"kernel_regularizer": "l2", "kernel_constraint": "max_norm"}
    net = built({"model": {"layers": [3]}, "regularisation": penalties})
    hidden, head = net.get_layer("block0_dense"), net.get_layer("output")
    assert hidden.kernel_regularizer and head.kernel_regularizer
    assert hidden.kernel_constraint and not head.kernel_constraint
    assert not hidden.bias_regularizer


@pytest.mark.parametrize(
    ("trainable", "expected"),
    [
        ("all", {0, 1, 2, 3}),
        ("head", set()),
        ({"top": 1}, {3}),
        ({"top": 3}, {1, 2, 3}),
        ({"only": [0, 2]}, {0, 2}),
    ],
    ids=str,
)
def test_a_phase_trains_the_blocks_it_names_and_the_head(trainable: Any, expected: set[int]) -> None:
    from pipeline.build.freezing import block_index, freeze_layers

    patch = {"model": {**FOUR, "normalisation": "before"}}
    phase = recipe({**patch, "phases": [{}, {"trainable": trainable}]}).phases[1]
    net = built(patch)
    freeze_layers(net, phase.trainable, recipe(patch))
    trained = {block_index(layer.name) for layer in net.layers if layer.trainable_variables}
    assert trained == {*expected, None}
    assert net.get_layer("output").trainable


def weights(
    patch: dict[str, Any], seed: int = 0, template: dict[str, Any] | None = None
) -> dict[str, np.ndarray]:
    """Return initial weights by path, drawn for `patch` on the template of another recipe where one is given."""
    from pipeline.build.weights import initial_weights, owned_weights

    net = built(template or patch)
    drawn = initial_weights(net, recipe(patch), seed)
    names = [f"{layer.name}/{variable.name}" for layer, variable in owned_weights(net)]
    return dict(zip(names, drawn, strict=True))


def equal(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> set[str]:
    return {name for name in one.keys() & other.keys() if np.array_equal(one[name], other[name])}


def test_initial_weights_follow_from_recipe_and_seed_alone() -> None:
    patch = {"model": FOUR}
    first = weights(patch)
    kernels = {name for name in first if name.endswith("kernel")}
    assert len(kernels) == 5
    assert equal(first, weights(patch)) == set(first)
    assert not equal(first, weights(patch, seed=1)) & kernels
    assert not np.array_equal(first["block1_dense/kernel"], first["block2_dense/kernel"])
    assert all(not array.any() for name, array in first.items() if name.endswith("bias"))


def test_variants_that_differ_elsewhere_start_from_the_same_weights() -> None:
    first = weights({"model": FOUR})
    others = [{"model": {**FOUR, "activation": "relu"}}, {"model": FOUR, "optimizer": {"name": "adam"}}]
    assert all(equal(first, weights(other)) == set(first) for other in others)
    normalised = weights({"model": {**FOUR, "normalisation": "after"}})
    assert equal(first, normalised) == set(first)


def test_kernels_are_drawn_as_the_recipe_says_not_as_the_template_does() -> None:
    own = {"model": {"layers": [{"units": 30, "initializer": "zeros"}, 40], "initializer": "he_normal"}}
    drawn = weights(own, template={"model": {"layers": [30, 40]}})
    assert not drawn["block0_dense/kernel"].any()
    assert drawn["block1_dense/kernel"].std() == pytest.approx(np.sqrt(2 / 30), rel=0.1)
    limit = np.sqrt(6 / (40 + 10))
    assert 0.95 * limit < np.abs(drawn["output/kernel"]).max() <= limit


@pytest.mark.parametrize(("reuse", "carried"), [("all", {0, 1, "output"}), (0, set()), (1, {0}), (2, {0, 1})])
def test_a_phase_carries_over_what_it_reuses(reuse: Any, carried: set[Any]) -> None:
    from pipeline.build.weights import carry_over, initial_weights, owned_weights

    patch = {"model": {"layers": [5, 4]}}
    net = built(patch)
    before, fresh = (initial_weights(net, recipe(patch), seed) for seed in (0, 1))
    carried_over = carry_over(fresh, net, before, net, reuse)
    kernels = [
        (layer.name, np.array_equal(now, old))
        for (layer, variable), now, old in zip(owned_weights(net), carried_over, before, strict=True)
        if variable.name == "kernel"
    ]
    assert kernels == [
        ("block0_dense", 0 in carried),
        ("block1_dense", 1 in carried),
        ("output", "output" in carried),
    ]


def test_a_head_for_other_classes_is_not_carried_over() -> None:
    from pipeline.build.weights import carry_over, initial_weights

    patch = {"model": {"layers": [5]}}
    earlier, later = built(patch, classes=3), built(patch, classes=4)
    before, fresh = initial_weights(earlier, recipe(patch), 0), initial_weights(later, recipe(patch), 1)
    result = carry_over(fresh, later, before, earlier, "all")
    assert np.array_equal(result[0], before[0]) and np.array_equal(result[-2], fresh[-2])
    # As many, but others: digits 5 to 9 after 0 to 4.
    previous = initial_weights(earlier, recipe(patch), 2)
    result = carry_over(before, earlier, previous, earlier, "all", same_classes=False)
    assert not np.array_equal(result[0], before[0]) and np.array_equal(result[-2], before[-2])


def test_sources_of_noise_are_seeded_apart() -> None:
    from pipeline.build.weights import seed_states

    net = built({"model": FOUR, "regularisation": {"dropout": 0.1}})
    states = seed_states(net, 0)
    assert len(states) == 4 and len({int(state[0]) for state in states.values()}) == 4
    assert all(state[1] == 0 for state in states.values())
    assert seed_states(net, 1)["block0_dropout"][0] != states["block0_dropout"][0]


def test_layers_take_arguments_that_name_things_themselves() -> None:
    regularizer = {"name": "l2", "l2": 0.25}
    activation = {"name": "leaky_relu", "negative_slope": 0.5}
    layer = {"name": "Dense", "units": 3, "kernel_regularizer": regularizer, "activation": activation}
    net = built({"model": {"layers": ["flatten", layer]}})
    (dense,) = [layer for layer in net.layers if type(layer).__name__ == "Dense" and layer.units == 3]
    assert dense.kernel_regularizer.l2 == 0.25
    assert np.asarray(dense.activation(np.array([-2.0]))) == pytest.approx(-1.0)


TOWERS = {
    "data": {"pairs": 20},
    "model": {"layers": [6, 4], "towers": 2, "joint": [3], "normalisation": "before"},
}


def pairs_model(patch: dict[str, Any]) -> Any:
    from pipeline.build.model import build_model

    return build_model(recipe(merge(TOWERS, patch)), (2, 8, 8, 1), 2)


def test_each_tower_sees_one_image_of_a_pair() -> None:
    import keras

    model = pairs_model({})
    pair = np.random.default_rng(0).random((5, 128)).astype(np.float32)
    other = pair.copy()
    other[:, 64:] = 0
    for tower, changes in (("block", False), ("twin", True)):
        end = keras.Model(model.input, model.get_layer(f"{tower}1_activation").output)
        assert (np.asarray(end(pair)) != np.asarray(end(other))).any() == changes
    assert model.get_layer("joint0_dense").kernel.shape == (8, 3)


def test_towers_start_from_weights_of_their_own() -> None:
    from pipeline.build.weights import initial_weights, owned_weights

    model = pairs_model({})
    drawn = initial_weights(model, recipe(merge(TOWERS, {"model": {"initializer": "ones"}})), 3)
    named = {
        (layer.name, variable.name): value
        for (layer, variable), value in zip(owned_weights(model), drawn, strict=True)
    }
    for layer in ("block0_dense", "twin0_dense", "joint0_dense"):
        assert (named[layer, "kernel"] == 1).all()  # the recipe's initializer, not the template's
    usual = initial_weights(model, recipe(TOWERS), 3)
    first, twin = (
        usual[[layer.name for layer, _ in owned_weights(model)].index(name)]
        for name in ("block0_dense", "twin0_dense")
    )
    assert first.shape == twin.shape and (first != twin).all()


def test_one_tower_is_carried_over_to_a_model_of_one() -> None:
    from pipeline.build.weights import carry_over, initial_weights, owned_weights

    one = {"model": {"layers": [6, 4], "normalisation": "before"}}
    pairs, single = pairs_model({}), built(one)
    before, fresh = initial_weights(pairs, recipe(TOWERS), 1), initial_weights(single, recipe(one), 2)
    kept = carry_over(fresh, single, before, pairs, "all", same_classes=False)
    old = {(a.name, b.name): x for (a, b), x in zip(owned_weights(pairs), before, strict=True)}
    for (layer, variable), new, now in zip(owned_weights(single), fresh, kept, strict=True):
        expected = new if layer.name == "output" else old[layer.name, variable.name]
        assert (now == expected).all(), layer.name


@pytest.mark.parametrize(
    ("trainable", "expected"),
    [
        ("head", {"joint0", "output"}),
        ({"top": 1}, {"block1", "twin1", "joint0", "output"}),
        ({"only": [0]}, {"block0", "twin0", "joint0", "output"}),
    ],
)
def test_both_towers_freeze_alike(trainable: Any, expected: set[str]) -> None:
    from pipeline.build.freezing import freeze_layers
    from pipeline.params.types.phase_spec import PhaseSpec

    model = pairs_model({})
    freeze_layers(model, PhaseSpec(trainable=trainable).trainable, recipe(TOWERS))
    owners = {layer.name.partition("_")[0] for layer in model.layers if layer.trainable_weights}
    assert owners == expected


def test_a_model_of_pairs_is_saved_and_loaded(tmp_path: Path) -> None:
    import keras

    model = pairs_model({})
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    pair = np.random.default_rng(0).random((5, 128)).astype(np.float32)
    assert (again.predict(pair, verbose=0) == model.predict(pair, verbose=0)).all()


def test_towers_may_convolve() -> None:
    layers = [{"filters": 2, "kernel_size": 3}, {"name": "MaxPooling2D"}]
    model = pairs_model({"model": {"layers": layers, "joint": []}})
    assert model.input_shape == (None, 2, 8, 8, 1)
    assert model.get_layer("joint").output.shape == (None, 2 * 2 * 16)


def test_a_chain_takes_sequences_as_they_are() -> None:
    from pipeline.build.model import build_model

    layers = [{"name": "Conv1D", "filters": 3, "kernel_size": 2}, {"name": "LSTM", "units": 4}]
    model = build_model(recipe({"model": {"layers": layers}}), (9, 5), 2)
    assert (model.input_shape, model.output_shape) == ((None, 9, 5), (None, 2))
