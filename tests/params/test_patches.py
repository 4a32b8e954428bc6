import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.params.expansion.resolve import canonical
from pipeline.params.patches import assign, differences, merge
from pipeline.params.types.recipe import Recipe

from .cases import BASE, UNTIMED

KEYS = st.sampled_from(["a", "b", "c", "dropout", "optimizer"])
SCALARS = st.none() | st.booleans() | st.integers() | st.sampled_from(["relu", "x", ""])
TREES = st.recursive(
    st.dictionaries(KEYS, SCALARS | st.lists(SCALARS, max_size=2), max_size=3),
    lambda inner: st.dictionaries(KEYS, inner | SCALARS, max_size=3),
    max_leaves=8,
)


def test_mappings_merge_lists_are_replaced_nulls_reset() -> None:
    base = {"model": {"layers": [1, 2], "use_bias": False, "output": {"units": 3}}}
    patch = {"model": {"layers": [3], "use_bias": None, "output": {"activation": "softmax"}}}
    assert merge(base, patch) == {"model": {"layers": [3], "output": {"units": 3, "activation": "softmax"}}}


def test_a_new_name_drops_old_arguments_and_the_same_name_keeps_them() -> None:
    base = {"activation": {"name": "leaky_relu", "negative_slope": 0.3}}
    assert merge(base, {"activation": "selu"}) == {"activation": {"name": "selu"}}
    assert merge(base, {"activation": {"name": "LeakyReLU"}})["activation"]["negative_slope"] == 0.3
    assert merge(base, {"activation": {"negative_slope": 0.1}})["activation"] == {
        "name": "leaky_relu",
        "negative_slope": 0.1,
    }
    assert merge({"activation": "relu"}, {"activation": {"max_value": 6.0}})["activation"] == {
        "name": "relu",
        "max_value": 6.0,
    }


def test_an_optimizer_keeps_its_rate_and_dropout_its_place() -> None:
    base = {"optimizer": {"name": "sgd", "momentum": 0.9, "learning_rate": 0.1}}
    assert merge(base, {"optimizer": "adam"}) == {"optimizer": {"name": "adam", "learning_rate": 0.1}}
    base = {"regularisation": {"dropout": {"name": "Dropout", "rate": 0.5, "where": "before"}}}
    changed = merge(base, {"regularisation": {"dropout": {"name": "GaussianNoise", "stddev": 0.1}}})
    assert changed["regularisation"]["dropout"] == {"name": "GaussianNoise", "stddev": 0.1, "where": "before"}
    assert merge(base, {"regularisation": {"dropout": 0.1}})["regularisation"]["dropout"]["where"] == "before"


def test_bare_places_replace_a_normalisation_and_arguments_join_it() -> None:
    base = {"model": {"normalisation": ["before"]}}
    scaled = merge(base, {"model": {"normalisation": {"scale": False}}})
    assert scaled == {"model": {"normalisation": {"where": ["before"], "scale": False}}}
    for places in ("none", ["after"]):
        assert merge(scaled, {"model": {"normalisation": places}}) == {"model": {"normalisation": places}}


def test_an_output_without_weights_keeps_its_activation() -> None:
    base = {"model": {"output": {"activation": "sigmoid"}}}
    without = merge(base, {"model": {"output": "none"}})
    assert without == {"model": {"output": {"activation": "sigmoid", "weights": False}}}
    assert merge({"model": {"output": "none"}}, base) == without


@UNTIMED
@given(TREES, TREES)
def test_merging_leaves_its_arguments_alone_and_is_idempotent(
    base: dict[str, Any], patch: dict[str, Any]
) -> None:
    before = json.dumps([base, patch])
    once = merge(base, patch)
    assert json.dumps([base, patch]) == before
    assert merge(once, patch) == once
    assert merge(base, {}) == base


@UNTIMED
@given(TREES)
def test_differences_of_a_tree_with_itself_are_none(tree: dict[str, Any]) -> None:
    assert differences(tree, tree) == {}


def test_assign_reaches_into_lists() -> None:
    tree = {"model": {"layers": [{"units": 1, "repeat": 1}, {"units": 2}]}}
    assert assign(tree, "model.layers.1.units", 9)["model"]["layers"] == [
        {"units": 1, "repeat": 1},
        {"units": 9},
    ]
    assert assign(tree, "model.layers.0", "flatten")["model"]["layers"] == ["flatten", {"units": 2}]
    assert assign(tree, "training.epochs", 3)["training"] == {"epochs": 3}
    assert assign(tree, "model.layers", [])["model"]["layers"] == []


def reordered(tree: Any, random: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    keys = list(tree)
    random.shuffle(keys)
    return {key: reordered(tree[key], random) for key in keys}


@UNTIMED
@given(st.randoms())
def test_canonical_does_not_depend_on_the_order_of_keys(random: Any) -> None:
    raw = {
        **BASE,
        "model": {
            "layers": [4],
            "activation": {"name": "relu", "max_value": 6, "negative_slope": 0.1},
            "use_bias": False,
        },
        "regularisation": {"dropout": {"name": "AlphaDropout", "rate": 0.1, "where": "before"}},
        "phases": [
            {"optimizer": {"learning_rate": 0.1, "name": "sgd"}, "training": {"epochs": 2, "batch_size": 4}}
        ],
    }
    one = canonical(Recipe.model_validate(raw))
    other = canonical(Recipe.model_validate(reordered(raw, random)))
    assert json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
