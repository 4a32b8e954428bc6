from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import ParamsError
from pipeline.params.expansion.expand import apply, canonical, expand
from pipeline.params.load import parse
from pipeline.params.patches import merge
from pipeline.params.types.recipe import Recipe
from pipeline.params.types.tune import LinearRange, LogRange
from pipeline.params.types.variants import Expanded

from .cases import BASE, UNTIMED, recipe, study

SELU = {"model": {"activation": "selu", "initializer": "lecun_normal"}}
SGD = {"optimizer": {"name": "sgd", "momentum": 0.9}}
NORM = {"model": {"normalisation": "after"}}
DROPOUT = {"regularisation": {"dropout": 0.2}}


def expanded(base: dict[str, Any] = BASE, **ablation: Any) -> Expanded:
    return expand(parse(study(base, **ablation)), "one")


def test_variants_by_hand() -> None:
    ablation = expanded(variants={"relu": None, "selu": SELU}, baseline="selu")
    assert (ablation.name, ablation.kind, ablation.baseline) == ("one", "variants", "selu")
    assert [variant.name for variant in ablation.variants] == ["relu", "selu"]
    assert ablation.variant("selu").changes == {}
    assert ablation.variant("relu").changes == {
        "model.activation": "relu",
        "model.initializer": "GlorotUniform",
    }
    assert ablation.variant("selu").recipe.model.initializer.name == "LecunNormal"


def test_the_first_variant_is_the_baseline_unless_named() -> None:
    assert expanded(variants={"b": {}, "a": SELU}).baseline == "b"
    assert expanded(ladder={"b": {}, "a": SELU}).baseline == "b"
    assert expanded(leave_one_out={"b": SELU, "a": NORM}).baseline == "full"
    assert expanded(grid={"f": {"x": {}, "y": SELU}}, baseline="y").baseline == "y"


def test_an_ablations_own_base_lies_between() -> None:
    ablation = expanded(base=BASE, variants={"plain": {}, "sgd": SGD})
    assert ablation.variant("plain").recipe.optimizer.name == "Nadam"
    raw = study(variants={"plain": {}, "sgd": SGD})
    raw["ablations"]["one"]["base"] = {"optimizer": {"name": "adam", "learning_rate": 0.5}}
    own = expand(parse(raw), "one")
    assert own.variant("plain").recipe.optimizer.name == "Adam"
    assert own.variant("sgd").recipe.optimizer.learning_rate == 0.5


def test_grid_is_the_product_in_order() -> None:
    ablation = expanded(grid={"act": {"relu": {}, "selu": SELU}, "training.batch_size": [32, 8]})
    assert [variant.name for variant in ablation.variants] == ["relu-32", "relu-8", "selu-32", "selu-8"]
    last = ablation.variants[-1]
    assert last.levels == {"act": "selu", "training.batch_size": "8"}
    assert (last.recipe.model.activation.name, last.recipe.training.batch_size) == ("selu", 8)
    assert ablation.baseline == "relu-32"


def test_grid_levels_are_called_after_their_values() -> None:
    grid = {"data.scale": ["/255", "none"], "model.use_bias": [True], "optimizer.learning_rate": [0.001]}
    assert [variant.name for variant in expanded(grid=grid).variants] == ["255-true-0.001", "none-true-0.001"]


def test_ladder_adds_up() -> None:
    ablation = expanded(ladder={"plain": {}, "selu": SELU, "sgd": SGD, "norm": NORM})
    assert list(ablation.variant("norm").changes) == [
        "model.activation",
        "model.initializer",
        "model.normalisation",
        "optimizer.name",
        "optimizer.momentum",
    ]
    assert ablation.variant("selu").recipe.optimizer.name == "Nadam"


def test_leave_one_out_lacks_one_part_at_a_time() -> None:
    ablation = expanded(leave_one_out={"norm": NORM, "dropout": DROPOUT})
    assert [variant.name for variant in ablation.variants] == ["full", "without_norm", "without_dropout"]
    assert ablation.variant("without_norm").changes == {"model.normalisation": []}
    assert ablation.variant("without_dropout").changes == {"regularisation.dropout": None}


def test_a_changed_name_is_one_change_and_drops_old_arguments() -> None:
    base = {**BASE, "schedule": {"name": "power", "steps": 500}}
    ablation = expanded(
        base, variants={"power": {}, "cosine": {"schedule": {"name": "cosine", "warmup": 0.1}}}
    )
    assert ablation.variant("cosine").changes == {
        "schedule": {"name": "cosine", "final_factor": 0.0, "warmup": 0.1}
    }


def test_layers_are_shown_short_in_changes() -> None:
    ablation = expanded(
        variants={"small": {}, "deep": {"model": {"layers": [8, {"units": 9, "repeat": 2}, "flatten"]}}}
    )
    assert ablation.variant("deep").changes == {"model.layers": [8, {"repeat": 2, "units": 9}, "Flatten"]}


def test_variants_carry_their_search_and_their_references() -> None:
    tune = {"trials": 6, "space": {"optimizer.learning_rate": {"log": [1e-4, 0.1]}}}
    own = {"optimizer.learning_rate": {"log": [1e-3, 1]}, "optimizer.momentum": {"linear": [0, 0.9]}}
    sgd = {**SGD, "tune": {"space": own}, "reference": {"val_accuracy": 0.84, "source": "a book"}}
    ablation = expanded(tune=tune, variants={"nadam": {}, "sgd": sgd, "adam": {"optimizer": "adam"}})
    first, second, third = (variant.tune for variant in ablation.variants)
    assert first is not None
    assert second is not None
    assert first == third
    assert first.space == {"optimizer.learning_rate": LogRange(log=(1e-4, 0.1))}
    assert second.space["optimizer.learning_rate"] == LogRange(log=(1e-3, 1.0))
    assert second.space["optimizer.momentum"] == LinearRange(linear=(0.0, 0.9))
    assert second.trials == first.trials == 6
    assert ablation.variant("sgd").reference == {"val_accuracy": 0.84, "source": "a book"}
    assert "reference" not in canonical(ablation.variant("sgd").recipe)


def test_a_null_takes_a_range_out() -> None:
    space = {"optimizer.learning_rate": {"log": [1e-4, 0.1]}, "training.batch_size": {"choice": [8, 32]}}
    fixed = {"tune": {"space": {"training.batch_size": None}}}
    ablation = expanded(tune={"trials": 2, "space": space}, variants={"a": {}, "b": fixed})
    tune = ablation.variant("b").tune
    assert tune is not None
    assert list(tune.space) == ["optimizer.learning_rate"]


def test_two_variants_may_share_a_recipe() -> None:
    ablation = expanded(variants={"a": {}, "b": {"model": {"activation": "ReLU"}}})
    assert ablation.variant("b").changes == {}


def test_expansion_is_computed_once() -> None:
    loaded = parse(study(variants={"a": {}}))
    assert expand(loaded, "one") is expand(loaded, "one")
    with pytest.raises(KeyError):
        expand(loaded, "two")


def test_apply_sets_dotted_paths() -> None:
    values = {"optimizer.learning_rate": 0.5, "model.layers.0.units": 7, "regularisation.dropout.rate": 0.3}
    before = recipe(**DROPOUT)
    after = apply(before, values)
    assert (after.optimizer.learning_rate, after.model.layers[0], after.model.layers[1]) == (
        0.5,
        recipe(model={"layers": [7]}).model.layers[0],
        before.model.layers[1],
    )
    assert after.regularisation.dropout is not None
    assert after.regularisation.dropout.arguments == {"rate": 0.3}
    assert apply(before, {}) == before


def test_apply_sees_a_new_name_before_its_arguments() -> None:
    after = apply(recipe(), {"optimizer.name": "sgd", "optimizer.momentum": 0.9})
    assert (after.optimizer.name, after.optimizer.learning_rate) == ("SGD", 0.001)


@pytest.mark.parametrize(
    "values", [{"optimizer.learning_rate": -1.0}, {"model.layers.5.units": 3}, {"nowhere": 1}]
)
def test_apply_refuses_what_does_not_fit(values: dict[str, object]) -> None:
    with pytest.raises(ParamsError):
        apply(recipe(), values)


PATCHES = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "model": st.sampled_from(
                [SELU["model"], NORM["model"], {"activation": "relu"}, {"layers": [5]}, {"activation": None}]
            ),
            "optimizer": st.sampled_from(
                [SGD["optimizer"], "adam", {"learning_rate": 0.5}, {"name": "Nadam", "beta_1": 0.8}]
            ),
            "regularisation": st.sampled_from(
                [DROPOUT["regularisation"], {"dropout": None}, {"kernel_regularizer": "l2"}]
            ),
            "schedule": st.sampled_from(["constant", {"name": "cosine"}, "power"]),
        },
    ),
    min_size=1,
    max_size=5,
)


@UNTIMED
@given(PATCHES)
def test_the_last_rung_is_all_patches_in_order(patches: list[dict[str, Any]]) -> None:
    ablation = expanded(ladder={f"r{index}": patch for index, patch in enumerate(patches)})
    merged = canonical(recipe())
    for patch in patches:
        merged = merge(merged, patch)
    assert ablation.variants[-1].recipe == Recipe.model_validate(merged)
    assert len(ablation.variants) == len(patches)


@UNTIMED
@given(PATCHES)
def test_leaving_one_out_is_the_ladder_without_it(patches: list[dict[str, Any]]) -> None:
    parts = {f"p{index}": patch for index, patch in enumerate(patches)}
    ablation = expanded(leave_one_out=parts)
    assert ablation.variant("full").recipe == expanded(ladder=parts).variants[-1].recipe
    for part in parts:
        rest = {"start": {}} | {name: patch for name, patch in parts.items() if name != part}
        assert ablation.variant(f"without_{part}").recipe == expanded(ladder=rest).variants[-1].recipe


@UNTIMED
@given(st.lists(PATCHES, min_size=1, max_size=3))
def test_a_grid_has_as_many_variants_as_combinations(factors: list[list[dict[str, Any]]]) -> None:
    grid = {
        f"f{at}": {f"v{at}_{index}": patch for index, patch in enumerate(levels)}
        for at, levels in enumerate(factors)
    }
    ablation = expanded(grid=grid)
    size = 1
    for levels in factors:
        size *= len(levels)
    assert len({variant.name for variant in ablation.variants}) == size
    assert all(list(variant.levels) == list(grid) for variant in ablation.variants)


@UNTIMED
@given(PATCHES, st.randoms())
def test_changes_rebuild_the_recipe(patches: list[dict[str, Any]], random: Any) -> None:
    variants = {"plain": {}} | {f"v{index}": patch for index, patch in enumerate(patches)}
    ablation = expanded(variants=variants, baseline=random.choice(list(variants)))
    baseline = ablation.variant(ablation.baseline).recipe
    for variant in ablation.variants:
        assert apply(baseline, variant.changes) == variant.recipe
