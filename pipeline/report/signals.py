"""Signals by depth in words and tables: whether they keep their size, vanish or explode."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.report.figures.depth import MOMENTS
from pipeline.report.styles import Styles
from pipeline.report.tables import Cell, Column, Table
from pipeline.report.texts import MISSING, number
from pipeline.result_files.diagnostics import Floats, VariantOutcomes
from pipeline.stats.formatting import listed

GRADIENTS_APART = 1e3
"""A gradient vanishes or explodes beyond this factor: kernels of common sizes differ by a factor of about ten."""
DEVIATIONS_APART = 1e2
STEADY = "steady"
VERDICTS = {"vanish": "worse", "explode": "diverged", STEADY: "practically-equal"}
"""The verdict that each fate looks like on a page."""


@dataclass(frozen=True)
class Passage:
    """A signal's size where it starts and where it ends, and its fate: a key of `VERDICTS`."""

    start: float
    end: float
    fate: str


def gradients(outcomes: VariantOutcomes, moment: str) -> Passage | None:
    """Return how gradients get from the last layer back to the first; None where they were not measured."""
    sizes = _typical(outcomes.stacked(moment, "gradient"))
    return None if sizes is None else _passage(sizes[::-1], GRADIENTS_APART)


def activations(outcomes: VariantOutcomes, moment: str) -> Passage | None:
    """Return how activations get from the first hidden layer to the last; None with fewer than two, or unmeasured."""
    sizes = _typical(outcomes.stacked(moment, "deviation"))
    return None if sizes is None or len(sizes) < 3 else _passage(sizes[:-1], DEVIATIONS_APART)


def noise(outcomes: VariantOutcomes) -> Passage | None:
    """Return how noise gets through a tower."""
    sizes = _typical(outcomes.stacked("deviation"))
    return None if sizes is None else _passage(sizes, DEVIATIONS_APART)


def _typical(values: Floats | None) -> Floats | None:
    """Return the geometric mean over replicates by layer; NaN where one of them was not finite."""
    if values is None or not values.size:
        return None
    with np.errstate(divide="ignore"):  # the mean of zeros is zero
        return np.asarray(np.exp(np.log(values).mean(axis=0)))


def _passage(sizes: Floats, apart: float) -> Passage:
    start, end = float(sizes[0]), float(sizes[-1])
    if not np.isfinite(sizes).all() or end > apart * start:
        return Passage(start, end, "explode")
    return Passage(start, end, "vanish" if end * apart < start else STEADY)


def sentences(nets: Sequence[VariantOutcomes], towers: Sequence[VariantOutcomes]) -> list[str]:
    """Return sentences that name the variants whose signals vanish or explode, and where."""
    in_nets = [
        f"{MOMENTS[moment].capitalize()}, {subject} {fate} in {listed(names)}."
        for moment in MOMENTS
        for subject, passage in (("gradients", gradients), ("activations", activations))
        for fate in ("vanish", "explode")
        if (names := [outcomes.variant for outcomes in nets if _fate(passage(outcomes, moment)) == fate])
    ]
    if nets and not in_nets:
        in_nets = ["No net's gradients or activations vanish or explode, at the start or after training."]
    in_towers = [
        f"Through {_layers(towers[0]):,} untrained layers, noise {verb} in {listed(names)}."
        for fate, verb in (("vanish", "dies out"), ("explode", "explodes"), (STEADY, "keeps its size"))
        if (names := [outcomes.variant for outcomes in towers if _fate(noise(outcomes)) == fate])
    ]
    return in_nets + in_towers


def _fate(passage: Passage | None) -> str | None:
    return passage.fate if passage else None


def _layers(tower: VariantOutcomes) -> int:
    return int(tower.replicates[0]["depth"][-1])


def through_nets(nets: Sequence[VariantOutcomes], styles: Styles) -> Table:
    """Return sizes of gradients and activations at both ends of every net, and whether they vanish or explode."""
    norm = "L2 norm, geometric mean over replicates"
    deviation = "Of activations over inputs, averaged over units"
    back = "First layer against last: a thousand times smaller vanish, larger explode"
    forth = "Last hidden layer against first: a hundred times smaller vanish, larger explode"
    columns = [
        Column("variant"),
        Column("when", words=True),
        Column("gradient, last layer", True, norm),
        Column("gradient, first layer", True, norm),
        Column("gradients", False, back),
        Column("deviation, first layer", True, deviation),
        Column("deviation, last hidden layer", True, deviation),
        Column("activations", False, forth),
    ]
    rows = [
        [
            Cell(outcomes.variant, style=styles[outcomes.variant]),
            Cell(moment),
            *_passage_cells(gradients(outcomes, moment)),
            *_passage_cells(activations(outcomes, moment)),
        ]
        for outcomes in nets
        for moment in MOMENTS
        if outcomes.stacked(moment, "gradient") is not None
    ]
    return Table(columns, rows)


def through_towers(towers: Sequence[VariantOutcomes], styles: Styles) -> Table:
    """Return mean and deviation at a tower's end, and the range of the deviation at every tenth of its depth."""
    tenths = "Least and greatest at every tenth of the depth, all replicates"
    fate = "A hundred times smaller at the end than at the start vanishes, larger explodes"
    columns = [
        Column("variant"),
        Column("layers", True),
        Column("mean at the end", True, "Mean over replicates"),
        Column("deviation at the end", True, "Geometric mean over replicates"),
        Column("deviation on the way", True, tenths),
        Column("noise", False, fate),
    ]
    rows = [
        [
            Cell(tower.variant, style=styles[tower.variant]),
            Cell(f"{_layers(tower):,}"),
            _number_cell(_last_mean(tower)),
            _number_cell(passage.end),
            _range_cell(*deviation_range(tower)),
            _verdict_cell(passage.fate),
        ]
        for tower in towers
        if (passage := noise(tower)) is not None
    ]
    return Table(columns, rows)


def deviation_range(tower: VariantOutcomes) -> tuple[float, float]:
    """Return the least and the greatest deviation at every tenth of a tower's depth, over all replicates."""
    depth = np.array(tower.replicates[0]["depth"], np.float64)
    values = np.array([replicate["deviation"] for replicate in tower.replicates], np.float64)
    tenth = depth[-1] / 10
    at_tenths = values[:, (depth >= tenth) & np.isclose(depth % tenth, 0)]
    return float(at_tenths.min()), float(at_tenths.max())


def _last_mean(tower: VariantOutcomes) -> float:
    values = tower.stacked("mean")
    return float("nan") if values is None else float(values[:, -1].mean())


def _passage_cells(passage: Passage | None) -> list[Cell]:
    if passage is None:
        return [Cell(MISSING)] * 3
    return [_number_cell(passage.start), _number_cell(passage.end), _verdict_cell(passage.fate)]


def _range_cell(low: float, high: float) -> Cell:
    return Cell(MISSING) if np.isnan(low) else Cell(f"{number(low)} – {number(high)}", low)


def _number_cell(value: float) -> Cell:
    return Cell(number(value), value) if np.isfinite(value) else Cell("not finite")


def _verdict_cell(fate: str) -> Cell:
    return Cell(fate, word=VERDICTS[fate])
