"""Initial weights and the seeds of random layers: from the seed alone, for every layer, however deep."""

import hashlib
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kit import recipe

from pipeline.core.errors import UserError
from pipeline.params.types.recipe import Recipe

HERE = Path(__file__).parent
FLAT, SERIES, IMAGES, VOLUMES = (8,), (6, 4), (6, 6, 2), (4, 4, 4, 2)
CASES: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "Dense": (FLAT, {"units": 3}),
    "EinsumDense": (FLAT, {"equation": "ab,bc->ac", "output_shape": 3}),
    "Embedding": (FLAT, {"input_dim": 9, "output_dim": 3}),
    "Conv1D": (SERIES, {"filters": 2, "kernel_size": 3}),
    "Conv2D": (IMAGES, {"filters": 2, "kernel_size": 3}),
    "Conv3D": (VOLUMES, {"filters": 2, "kernel_size": 3}),
    "Conv1DTranspose": (SERIES, {"filters": 2, "kernel_size": 3}),
    "Conv2DTranspose": (IMAGES, {"filters": 2, "kernel_size": 3}),
    "Conv3DTranspose": (VOLUMES, {"filters": 2, "kernel_size": 3}),
    "DepthwiseConv1D": (SERIES, {"kernel_size": 3}),
    "DepthwiseConv2D": (IMAGES, {"kernel_size": 3}),
    "SeparableConv1D": (SERIES, {"filters": 2, "kernel_size": 3}),
    "SeparableConv2D": (IMAGES, {"filters": 2, "kernel_size": 3}),
    "LSTM": (SERIES, {"units": 3, "bias_initializer": "random_normal", "dropout": 0.1}),
    "GRU": (SERIES, {"units": 3, "bias_initializer": "random_normal"}),
    "SimpleRNN": (SERIES, {"units": 3}),
    "ConvLSTM1D": ((3, 6, 2), {"filters": 2, "kernel_size": 3}),
    "BatchNormalization": (FLAT, {}),
    "LayerNormalization": (FLAT, {}),
    "GroupNormalization": (FLAT, {"groups": 2}),
    "UnitNormalization": (FLAT, {}),
    "SpectralNormalization": (FLAT, {}),
    "PReLU": (FLAT, {"alpha_initializer": "random_normal"}),
    "MultiHeadAttention": (SERIES, {"num_heads": 2, "key_dim": 3, "dropout": 0.1}),
    "GroupQueryAttention": (SERIES, {"head_dim": 3, "num_query_heads": 2, "num_key_value_heads": 1}),
    "Bidirectional": (SERIES, {}),
    "TimeDistributed": (SERIES, {}),
    "Dropout": (FLAT, {"rate": 0.5}),
    "GaussianNoise": (FLAT, {"stddev": 0.5}),
    "RandomFlip": (IMAGES, {}),
    "Block": (FLAT, {}),
    "Nested": ((6,), {}),
    "Drawn": (FLAT, {}),
}
CONSTANT = {"beta", "gamma", "moving_mean", "moving_variance", "zeros", "loaded"}
"""Variables that begin with zeros or ones, or with what their layer loads."""
OWN = ("Block", "Nested", "Drawn", "Assigned")
"""Layers of one's own that recipes here name."""


@pytest.fixture(autouse=True)
def _own_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(HERE))


def built(kind: str) -> Any:
    """Return a model of one layer, built as recipes' models are."""
    import keras

    from build import own_layers
    from pipeline.build.initializers import initializers_kept

    shape, arguments = CASES[kind]
    with initializers_kept():
        inputs = keras.Input(shape)
        inner = {
            "Bidirectional": lambda: keras.layers.Bidirectional(keras.layers.LSTM(3), name="layer"),
            "TimeDistributed": lambda: keras.layers.TimeDistributed(keras.layers.Dense(3), name="layer"),
            "SpectralNormalization": lambda: keras.layers.SpectralNormalization(
                keras.layers.Dense(3), name="layer"
            ),
        }
        kinds = {name: getattr(own_layers, name) for name in ("Block", "Nested", "Drawn")}
        layer = (
            inner[kind]()
            if kind in inner
            else (kinds.get(kind) or getattr(keras.layers, kind))(**arguments, name="layer")
        )
        attends = kind in ("MultiHeadAttention", "GroupQueryAttention")
        return keras.Model(inputs, layer(inputs, inputs) if attends else layer(inputs))


def drawn(model: Any, seed: int, own: Recipe | None = None) -> list[np.ndarray]:
    from pipeline.build.weights import initial_weights, seed_states

    return [*initial_weights(model, own or recipe({}), seed), *seed_states(model, seed).values()]


def with_own(name: str) -> Recipe:
    return recipe({"model": {"layers": ["Flatten", {"units": 6}, f"own_layers:{name}"]}})


def drawn_by_recipe(name: str, seed: int) -> list[np.ndarray]:
    """Return what a model of a recipe begins with that has a layer of one's own."""
    from pipeline.build.model import build_model

    return drawn(build_model(with_own(name), (8, 8, 1), 10), seed, with_own(name))


@pytest.mark.parametrize("kind", CASES)
def test_two_seeds_give_two_draws_and_one_seed_the_same(kind: str) -> None:
    model, again = built(kind), built(kind)
    names = [variable.name for variable in model.weights]
    names += ["state"] * (len(drawn(model, 0)) - len(names))
    for name, one, same, other in zip(names, drawn(model, 0), drawn(again, 0), drawn(model, 1), strict=True):
        np.testing.assert_array_equal(one, same)
        constant = name in CONSTANT or (name == "bias" and kind not in ("LSTM", "GRU"))
        assert np.array_equal(one, other) == constant, name


@pytest.mark.parametrize("kind", CASES)
def test_no_two_variables_of_a_layer_draw_alike(kind: str) -> None:
    arrays = [array for array in drawn(built(kind), 0) if array.size > 2 and set(array.flat) - {0, 1}]
    assert len({array.tobytes() for array in arrays}) == len(arrays)


@pytest.mark.parametrize("name", OWN)
def test_so_do_layers_of_ones_own_in_recipes(name: str) -> None:
    from pipeline.build.model import build_model

    variables = [variable.name for variable in build_model(with_own(name), (8, 8, 1), 10).weights]
    first, same, other = (drawn_by_recipe(name, seed) for seed in (0, 0, 1))
    assert all(np.array_equal(one, two) for one, two in zip(first, same, strict=True))
    alike = {
        variable for variable, one, two in zip(variables, first, other, strict=False) if (one == two).all()
    }
    assert alike == {*CONSTANT, "bias"}.intersection(variables)
    assert not any(
        (one == two).all() for one, two in zip(first[len(variables) :], other[len(variables) :], strict=True)
    )
    draws = [array.tobytes() for array in first if array.size > 2 and len(set(array.flat)) > 1]
    assert len(set(draws)) == len(draws)


def test_a_layer_keeps_what_it_loads() -> None:
    assert any((array == np.float32(0.1)).all() for array in drawn_by_recipe("Assigned", 3))


def test_a_layer_that_no_seed_reaches_is_refused() -> None:
    with pytest.raises(UserError, match="own_layers:Unseeded begins with other weights each time"):
        drawn_by_recipe("Unseeded", 0)


def test_a_phase_carries_over_each_of_several_weights_with_one_name() -> None:
    from pipeline.build.model import build_model
    from pipeline.build.weights import carry_over, initial_weights

    net, own = build_model(with_own("Block"), (8, 8, 1), 10), with_own("Block")
    before, fresh = (initial_weights(net, own, seed) for seed in (0, 1))
    kept = carry_over(fresh, net, before, net, "all")
    assert all(np.array_equal(now, old) for now, old in zip(kept, before, strict=True))


def test_every_layer_of_keras_with_weights_or_seeds_is_tried() -> None:
    """The catalogue's layers that make a variable when they are built on one of the shapes here."""
    import keras

    from pipeline.build.weights import seed_generators
    from pipeline.params.keras_names import catalogue

    missing = []
    for name in catalogue.names("layers"):
        for shape in (FLAT, SERIES, IMAGES, VOLUMES):
            try:
                inputs = keras.Input(shape)
                model = keras.Model(inputs, getattr(keras.layers, name)()(inputs))
            except Exception:  # needs arguments, or another shape
                continue
            if (model.weights or seed_generators(model)) and name not in CASES:
                missing.append(name)
    similar = {"AlphaDropout", "GaussianDropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"}
    images = {name for name in missing if name.startswith(("Random", "Aug", "CutMix", "MixUp"))}
    assert set(missing) - similar - images == {"RMSNormalization"} & set(missing)


def test_drawing_leaves_random_numbers_of_others_alone() -> None:
    from pipeline.build.model import build_model

    own = with_own("Assigned")
    state = np.random.get_state()[1]
    drawn(build_model(own, (8, 8, 1), 10), 0, own)
    np.testing.assert_array_equal(np.random.get_state()[1], state)


SCRIPT = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
from build.test_weights import CASES, digests
print(json.dumps(digests()))
"""


def digests() -> dict[str, str]:
    """Return a digest of what each case draws."""
    arrays = {kind: drawn(built(kind), 7) for kind in CASES}
    arrays.update({f"recipe with {name}": drawn_by_recipe(name, 7) for name in OWN})
    return {
        kind: hashlib.sha256(b"".join(array.tobytes() for array in each)).hexdigest()
        for kind, each in arrays.items()
    }


def in_another_process(backend: str) -> dict[str, str]:
    paths = json.dumps([str(HERE.parent), str(HERE.parent.parent)])
    environment = {**os.environ, "KERAS_BACKEND": backend, "DVC_ROOT": str(HERE)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, paths], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    result: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return result


@pytest.mark.slow
def test_another_process_draws_the_same() -> None:
    assert in_another_process("tensorflow") == digests()


@pytest.mark.slow
@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed (the extra [jax])")
def test_two_processes_on_jax_draw_the_same() -> None:
    assert in_another_process("jax") == in_another_process("jax")
