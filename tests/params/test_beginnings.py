"""`phases: [{from: ablation/variant}, ...]`: the phases of another variant, exactly, or a fault that says why not."""

from typing import Any

import pytest

from pipeline.params.expansion.expand import expand
from pipeline.params.expansion.resolve import canonical
from pipeline.params.load import parse
from pipeline.params.patches import merge, patch_between
from pipeline.params.types.phases import phases_of
from pipeline.params.types.recipe import Recipe

from .cases import BASE, faults

HEAD = {"name": "head", "trainable": "head", "training": {"epochs": 2}}
OTHER: dict[str, Any] = {
    "question": "?",
    "base": {"data": {"classes": [0, 1, 2]}},
    "variants": {
        "model_a": {},
        "adam": {"optimizer": {"name": "Adam", "beta_1": 0.8, "clipnorm": 1.0}, "model": {"layers": [9, 7]}},
        "l2": {"regularisation": {"kernel_regularizer": "l2", "dropout": 0.2}, "schedule": "cosine"},
        "two": {"phases": [{"name": "low", "optimizer": {"learning_rate": 0.5}}, {**HEAD, "reuse": 1}]},
    },
}


def of(phases: list[Any], other: dict[str, Any] = OTHER, **more: Any) -> dict[str, Any]:
    one = {"question": "?", "variants": {"on": {"phases": phases}, "plain": {}}, **more}
    return {"base": BASE, "seeds": 3, "ablations": {"one": one, "other": other}}


@pytest.mark.parametrize("variant", OTHER["variants"])
def test_its_phases_are_those_of_the_other_variant(variant: str) -> None:
    own = {
        "optimizer": {"name": "Nadam", "beta_2": 0.9, "clipvalue": 2.0},
        "regularisation": {"dropout": 0.7},
    }
    study = parse(of([{"from": f"other/{variant}"}, HEAD], base=own))
    *begun, head = phases_of(expand(study, "one").variant("on").recipe)
    theirs = phases_of(expand(study, "other").variant(variant).recipe)
    assert [(p.recipe, p.reuse, p.trainable) for p in begun] == [
        (p.recipe, p.reuse, p.trainable) for p in theirs
    ]
    assert head.recipe.optimizer.name == "Nadam" and head.trainable == "head"
    assert [phase.name for phase in begun] == (["low", "head"] if variant == "two" else [variant])


def test_a_variant_may_begin_with_one_that_begins_with_another() -> None:
    raw = of([{"from": "two/on"}, HEAD])
    raw["ablations"]["two"] = {"question": "?", "variants": {"on": {"phases": [{"from": "other/l2"}, {}]}}}
    study = parse(raw)
    names = [phase.name for phase in phases_of(expand(study, "one").variant("on").recipe)]
    assert names == ["l2", "phase 2", "head"]


TUNED = {**OTHER, "tune": {"trials": 2, "space": {"optimizer.learning_rate": {"log": [0.1, 1.0]}}}}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (of([{"from": "othr/model_a"}]), "there is no ablation 'othr'. Did you mean 'other'?"),
        (of([{"from": "other/model_b"}]), "other has no variant 'model_b'; it has model_a, adam, l2, two."),
        (of([{"from": "other"}]), "must be ablation/variant; got 'other'"),
        (of([{"from": 3}]), "must be ablation/variant; got 3"),
        (of([{"from": "one/plain"}]), "goes round in a circle: one from one"),
        (of([HEAD, {"from": "other/model_a"}]), "phases[1].from: must be the first phase, and say nothing else"),
        (of([{"from": "other/model_a", "name": "x"}]), "must be the first phase, and say nothing else"),
        (of([{"from": "other/model_a"}], seeds=4), "other has 3 seeds, fewer than the 4 of one"),
        (of([{"from": "other/model_a"}], dataset="mnist"), "other has another data set than one"),
        (of([{"from": "other/model_a"}], TUNED), "other/model_a is tuned: its recipe is not known here"),
        (of([{"from": "other/model_a"}], {**OTHER, "variants": {"model_a": {"modl": {}}}}), "other has faults of"),
    ],
)  # fmt: skip
def test_what_cannot_be_begun_with_is_a_fault_at_its_place(raw: dict[str, Any], expected: str) -> None:
    found = [fault for fault in faults(raw) if fault.startswith("ablations.one.variants.on.phases[")]
    assert len(found) == 1 and expected in found[0], faults(raw)


def test_a_circle_is_named_on_the_whole_way() -> None:
    raw = of(
        [{"from": "other/model_a"}],
        {"question": "?", "variants": {"model_a": {"phases": [{"from": "one/on"}]}}},
    )
    assert any("goes round in a circle: one from other from one" in fault for fault in faults(raw))


PIECEWISE = {"name": "piecewise", "boundaries": [1], "factors": [1, 0.5]}
NOISE = {"name": "AlphaDropout", "rate": 0.2, "where": "before"}
BARE = {"layers": [{"filters": 3, "kernel_size": 3}, "flatten"], "output": "none"}
RECIPES: list[dict[str, Any]] = [
    {},
    {"optimizer": {"name": "Adam", "beta_1": 0.8, "clipnorm": 1.0}, "schedule": PIECEWISE},
    {"regularisation": {"dropout": NOISE, "kernel_constraint": "max_norm"}},
    {"model": {**BARE, "normalisation": {"where": "before", "scale": False}}},
    {"model": {"application": "MobileNetV3Small", "weights": "none"}, "data": {"augment": ["RandomFlip"]}},
    {"model": {"application": "MobileNetV2"}, "training": {"epochs": 2, "early_stopping": {"patience": 2}}},
    {"training": {"epochs": 1, "metrics": ["accuracy", {"name": "AUC", "as": "auc"}]}, "data": {"skip": 3}},
]


@pytest.mark.parametrize("old", range(len(RECIPES)))
def test_the_patch_between_two_recipes_makes_one_of_the_other(old: int) -> None:
    first = canonical(of_patch(RECIPES[old]))
    for changes in RECIPES:
        second = canonical(of_patch(changes))
        assert canonical(Recipe.model_validate(merge(first, patch_between(first, second)))) == second


def of_patch(patch: dict[str, Any]) -> Recipe:
    return Recipe.model_validate(merge(BASE, patch))
