"""How far a model that predicts numbers is off: against the true ones, residuals, and the worst misses."""

from pipeline.core.text import plural
from pipeline.report.figures.chart import Chart
from pipeline.report.figures.numbers import number_charts
from pipeline.report.figures.sheet import Frame, sheet
from pipeline.report.section import Section
from pipeline.report.tables import Cell, Column, Table
from pipeline.report.texts import MISSING
from pipeline.result_files.diagnostics import Outcome


def predicted_numbers(outcome: Outcome) -> Section:
    """Return predictions against true values, their residuals, measures of each target, and the worst misses."""
    targets, rows = outcome["targets"], outcome["rows"]
    shown = len(targets[0]["true"])
    note = (
        f"{plural(rows, 'test row')}, each a point"
        if shown == rows
        else f"{shown} of {rows:,} test rows are drawn"
    )
    note += "; on the line, predictions are right. Residuals are predicted less true."
    if outcome["not_finite"]:
        note += f" Left out: {plural(outcome['not_finite'], 'prediction')} that were no finite numbers."
    charts = [*number_charts(outcome), _pictures(outcome)]
    tables = [("All test rows", _measures(outcome)), ("Worst misses", _worst(outcome))]
    return Section("predictions", "Predictions", charts, note, tables)


def _measures(outcome: Outcome) -> Table:
    columns = [
        Column("target"),
        Column("mean absolute error", True),
        Column("root mean squared error", True),
        Column("R²", True, "1: all is explained; 0: no better than the mean of the test rows"),
    ]
    keys = ("mean_absolute_error", "root_mean_squared_error", "r2")
    return Table(
        columns,
        [[Cell(target["name"]), *(_cell(target[key]) for key in keys)] for target in outcome["targets"]],
    )


def _worst(outcome: Outcome) -> Table:
    several = len({miss["target"] for miss in outcome["worst"]}) > 1 or len(outcome["targets"]) > 1
    names = [Column("target")] if several else []
    columns = [
        Column("test row", True, "From 0"),
        *names,
        *(Column(name, True) for name in ("true", "predicted", "residual")),
    ]
    rows = [
        [
            Cell(f"{miss['row']:,}", miss["row"]),
            *([Cell(miss["target"])] if several else []),
            *map(_cell, (miss["true"], miss["predicted"], miss["predicted"] - miss["true"])),
        ]
        for miss in outcome["worst"]
    ]
    return Table(columns, rows)


def _pictures(outcome: Outcome) -> Chart | None:
    frames = [
        Frame(miss["png"], (f"{miss['predicted']:.4g}", f"is {miss['true']:.4g}"), True)
        for miss in outcome["worst"]
        if "png" in miss
    ]
    alt = "; ".join(", ".join(frame.lines) for frame in frames)
    caption = "Test images whose predictions are furthest off: the prediction, and the true value."
    return sheet("predictions-worst", "Worst misses", caption, alt, frames) if frames else None


def _cell(value: float | None) -> Cell:
    return Cell(MISSING) if value is None else Cell(f"{value:.4g}".replace("-", "−"), value)
