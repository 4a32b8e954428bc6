"""What signals by depth say, in words: whether they keep their size, vanish or explode."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.report.figures.depth import MOMENTS
from pipeline.report.observations import Floats, Looks
from pipeline.report.styles import Styles
from pipeline.report.tables import Cell, Column, Table
from pipeline.report.texts import MISSING, number
from pipeline.stats.wording import listed

GRADIENTS_APART = 1e3  # times: kernels of common sizes differ by some ten
DEVIATIONS_APART = 1e2
STEADY = "steady"
FATES = {"vanish": "worse", "explode": "diverged", STEADY: "practically-equal"}  # how a verdict of each looks


@dataclass(frozen=True)
class Passage:
    """What is left of a signal: its size where it sets out and where it arrives, and its fate."""

    out: float
    arrived: float
    fate: str


def gradients(looks: Looks, moment: str) -> Passage | None:
    """Return how gradients get from the last layer back to the first; None where they were not seen."""
    sizes = _typical(looks.stacked(moment, "gradient"))
    return None if sizes is None else _passage(sizes[::-1], GRADIENTS_APART)


def activations(looks: Looks, moment: str) -> Passage | None:
    """Return how activations get from the first hidden layer to the last; None with fewer than two, or unseen."""
    sizes = _typical(looks.stacked(moment, "deviation"))
    return None if sizes is None or len(sizes) < 3 else _passage(sizes[:-1], DEVIATIONS_APART)


def noise(looks: Looks) -> Passage | None:
    """Return how noise gets through a tower."""
    sizes = _typical(looks.stacked("deviation"))
    return None if sizes is None else _passage(sizes, DEVIATIONS_APART)


def _typical(values: Floats | None) -> Floats | None:
    """Return the geometric mean over replicates by layer; NaN where one of them was not finite."""
    if values is None or not values.size:
        return None
    with np.errstate(divide="ignore"):  # nothing at all is nothing on average
        return np.asarray(np.exp(np.log(values).mean(axis=0)))


def _passage(sizes: Floats, apart: float) -> Passage:
    out, arrived = float(sizes[0]), float(sizes[-1])
    if not np.isfinite(sizes).all() or arrived > apart * out:
        return Passage(out, arrived, "explode")
    return Passage(out, arrived, "vanish" if arrived * apart < out else STEADY)


def reading(nets: Sequence[Looks], towers: Sequence[Looks]) -> list[str]:
    """Return sentences on whose signals vanish or explode, and where."""
    sentences = [
        f"{MOMENTS[moment].capitalize()}, {subject} {fate} in {listed(names)}."
        for moment in MOMENTS
        for subject, passage in (("gradients", gradients), ("activations", activations))
        for fate in ("vanish", "explode")
        if (names := [each.variant for each in nets if _fate(passage(each, moment)) == fate])
    ]
    if nets and not sentences:
        sentences = ["No net's gradients or activations vanish or explode, at the start or after training."]
    for fate, verb in (("vanish", "dies out"), ("explode", "explodes"), (STEADY, "keeps its size")):
        names = [each.variant for each in towers if _fate(noise(each)) == fate]
        if names:
            layers = int(towers[0].replicates[0]["depth"][-1])
            sentences.append(f"Through {layers:,} untrained layers, noise {verb} in {listed(names)}.")
    return sentences


def _fate(passage: Passage | None) -> str | None:
    return passage.fate if passage else None


def through_nets(looks: Sequence[Looks], styles: Styles) -> Table:
    """Return sizes of gradients and activations at both ends of every net, and what becomes of them."""
    columns = [
        Column("variant"),
        Column("when", words=True),
        Column("gradient, last layer", True, "L2 norm, geometric mean over replicates"),
        Column("gradient, first layer", True, "L2 norm, geometric mean over replicates"),
        Column(
            "gradients", False, "First layer against last: a thousand times smaller vanish, larger explode"
        ),
        Column("deviation, first layer", True, "Of activations over inputs, averaged over units"),
        Column("deviation, last hidden layer", True, "Of activations over inputs, averaged over units"),
        Column(
            "activations",
            False,
            "Last hidden layer against first: a hundred times smaller vanish, larger explode",
        ),
    ]
    rows = [
        [
            Cell(each.variant, style=styles[each.variant]),
            Cell(moment),
            *_cells(gradients(each, moment)),
            *_cells(activations(each, moment)),
        ]
        for each in looks
        for moment in MOMENTS
        if each.stacked(moment, "gradient") is not None
    ]
    return Table(columns, rows)


def through_towers(looks: Sequence[Looks], styles: Styles) -> Table:
    """Return mean and deviation at a tower's end, and the range of the deviation at every tenth of its depth."""
    tenths = "Least and most at every tenth of the depth, all replicates"
    columns = [
        Column("variant"),
        Column("layers", True),
        Column("mean at the end", True, "Mean over replicates"),
        Column("deviation at the end", True, "Geometric mean over replicates"),
        Column("deviation on the way", True, tenths),
        Column(
            "noise", False, "A hundred times smaller at the end than at the start vanishes, larger explodes"
        ),
    ]
    rows = [
        [
            Cell(each.variant, style=styles[each.variant]),
            Cell(f"{int(each.replicates[0]['depth'][-1]):,}"),
            _number(_last_mean(each)),
            *_towers_cells(each),
        ]
        for each in looks
    ]
    return Table(columns, rows)


def on_the_way(looks: Looks) -> tuple[float, float]:
    """Return the least and the greatest deviation at every tenth of a tower's depth, over all replicates."""
    depth, values = looks.stacked("depth"), looks.stacked("deviation")
    assert depth is not None and values is not None
    tenth = depth[0][-1] / 10
    chosen = values[:, (depth[0] >= tenth) & np.isclose(depth[0] % tenth, 0)]
    return float(chosen.min()), float(chosen.max())


def _towers_cells(each: Looks) -> Iterator[Cell]:
    passage = noise(each)
    assert passage is not None
    low, high = on_the_way(each)
    yield _number(passage.arrived)
    yield Cell(
        MISSING if np.isnan(low) else f"{number(low)} – {number(high)}", None if np.isnan(low) else low
    )
    yield _verdict(passage.fate)


def _last_mean(each: Looks) -> float:
    values = each.stacked("mean")
    return float("nan") if values is None else float(values[:, -1].mean())


def _cells(passage: Passage | None) -> list[Cell]:
    if passage is None:
        return [Cell(MISSING)] * 3
    return [_number(passage.out), _number(passage.arrived), _verdict(passage.fate)]


def _number(value: float) -> Cell:
    return Cell(number(value), value) if np.isfinite(value) else Cell("not finite")


def _verdict(fate: str) -> Cell:
    return Cell(fate, word=FATES[fate])
