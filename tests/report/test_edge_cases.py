"""Results at the edges of what can happen still give a page; warnings are errors here as everywhere."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.report.site import build

from . import made_up


def everything_diverged() -> dict[str, Any]:
    lost = tuple(range(5))
    return made_up.ablation("edge", [made_up.variant(name, diverged=lost) for name in ("a", "b")])


def the_baseline_diverged() -> dict[str, Any]:
    variants = [
        made_up.variant("a", diverged=(0, 1, 2, 3, 4)),
        made_up.variant("b"),
        made_up.variant("c", 0.9),
    ]
    return made_up.ablation("edge", variants)


def all_alike() -> dict[str, Any]:
    twin = made_up.variant("a")
    return made_up.ablation("edge", [twin, {**twin, "name": "b"}])


def perfect() -> dict[str, Any]:
    raw = made_up.ablation("edge", [made_up.variant("a", tuned=True), made_up.variant("b", tuned=True)])
    for variant in raw["variants"]:
        for replicate in variant["replicates"]:
            replicate["metrics"] |= {"test_accuracy": 1.0, "test_loss": 0.0}
            replicate["curves"] = {
                "accuracy": [1.0] * 5,
                "val_loss": [0.0] * 5,
                "learning_rate": [0.1, 0, 0, 0, 0],
            }
    return raw


def one_epoch() -> dict[str, Any]:
    raw = made_up.ablation("edge", [made_up.variant("a"), made_up.variant("b")])
    for variant in raw["variants"]:
        for replicate in variant["replicates"]:
            replicate["curves"] = {name: values[:1] for name, values in replicate["curves"].items()}
    return raw


def no_curves() -> dict[str, Any]:
    raw = one_epoch()
    for variant in raw["variants"]:
        for replicate in variant["replicates"]:
            replicate["curves"] = {}
    return raw


def only_a_baseline() -> dict[str, Any]:
    return made_up.ablation("edge", [made_up.variant("a")])


def every_trial_diverged() -> dict[str, Any]:
    raw = made_up.ablation("edge", [made_up.variant("a", tuned=True), made_up.variant("b", tuned=True)])
    for trial in raw["variants"][1]["trials"]:
        trial |= {"score": None, "outcome": "diverged"}
    raw["variants"][1]["chosen"] = None
    return raw


def no_margin() -> dict[str, Any]:
    return made_up.ablation("edge", [made_up.variant("a"), made_up.variant("b")], margin=0.0)


def a_grid_with_holes() -> dict[str, Any]:
    raw = made_up.grid()
    return {**raw, "name": "edge", "variants": raw["variants"][:-2]}


def a_grid_of_three_factors() -> dict[str, Any]:
    variants = [
        made_up.variant(f"{a}{b}{c}", levels={"alpha": a, "beta": b, "gamma": c})
        for a in (0.1, 1e-3)
        for b in (True, None)
        for c in ("x", [64, 32])
    ]
    return made_up.ablation("edge", variants, kind="grid")


def a_grid_that_diverged() -> dict[str, Any]:
    raw = made_up.grid()
    variants = [
        {**made_up.variant(variant["name"], diverged=(0, 1, 2, 3, 4)), "levels": variant["levels"]}
        for variant in raw["variants"]
    ]
    return {**raw, "name": "edge", "variants": variants}


def a_grid_with_a_diverged_cell() -> dict[str, Any]:
    raw = made_up.grid()
    raw["variants"][4] = {**raw["variants"][4], **made_up.variant("lost", diverged=(0, 1, 2, 3, 4))}
    raw["variants"][4]["levels"] = {"activation": "selu", "initializer": "glorot_uniform"}
    return {**raw, "name": "edge"}


def a_ladder_with_a_lost_rung() -> dict[str, Any]:
    raw = made_up.ladder()
    raw["variants"][2] = made_up.variant("schedule", diverged=(0, 1, 2, 3, 4))
    return {**raw, "name": "edge"}


def seeds_not_shared() -> dict[str, Any]:
    raw = made_up.ablation("edge", [made_up.variant("a"), made_up.variant("b")])
    for replicate in raw["variants"][1]["replicates"]:
        replicate["seed"] += 100
    return raw


def forty_variants() -> dict[str, Any]:
    return made_up.ablation("edge", [made_up.variant(f"v{n}", 0.9 + n / 1000, {"x": n}) for n in range(40)])


def huge_and_tiny_losses() -> dict[str, Any]:
    raw = made_up.ablation("edge", [made_up.variant("a"), made_up.variant("b")], metric="loss", margin=0.1)
    for replicate, loss in zip(raw["variants"][1]["replicates"], (1e-9, 1e30, 2e30, 1.0, 3.0), strict=True):
        replicate["metrics"]["test_loss"] = loss
        replicate["curves"]["loss"] = [loss] * 20
    return raw


@pytest.mark.parametrize(
    "make",
    [
        everything_diverged,
        the_baseline_diverged,
        all_alike,
        perfect,
        one_epoch,
        no_curves,
        only_a_baseline,
        every_trial_diverged,
        no_margin,
        a_grid_with_holes,
        a_grid_of_three_factors,
        a_grid_that_diverged,
        a_grid_with_a_diverged_cell,
        a_ladder_with_a_lost_rung,
        seeds_not_shared,
        forty_variants,
        huge_and_tiny_losses,
    ],
)
def test_a_page_is_made(make: Callable[[], dict[str, Any]], tmp_path: Path) -> None:
    raw = make()
    build(tmp_path, tmp_path / "reports", made_up.write(tmp_path, [raw]))
    page = (tmp_path / "reports" / "edge.html").read_text(encoding="utf-8")
    assert all(f"<bdi>{variant['name']}</bdi>" in page for variant in raw["variants"])
