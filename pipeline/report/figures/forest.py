"""Forest plot: every variant's difference from the baseline, its interval, and the margin of equivalence."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.report.figures.axis import quick_ticks
from pipeline.report.figures.chart import Chart, finish
from pipeline.report.figures.rows import difference_figure, note, point
from pipeline.report.findings import Findings, Row
from pipeline.report.measure import Estimate
from pipeline.report.styles import Style, Styles

KEY = "forest"


@dataclass(frozen=True)
class Effect:
    """One line of the plot, in the shown unit; `settled` is false where the verdict is inconclusive."""

    name: str
    style: Style
    estimate: Estimate
    settled: bool
    text: str


def forest(findings: Findings, styles: Styles) -> Chart | None:
    """Draw the plot, or return None where no variant can be compared."""
    effects = forest_info(findings, styles)
    if not effects:
        return None
    unit, margin = findings.measure, findings.margin * findings.measure.factor
    baseline = findings.ablation.baseline
    band = (
        f" The shaded band is the declared margin of ±{margin:.4g} {unit.step_unit}".rstrip()
        + ": within it, differences are considered too small to matter."
    )
    caption = (
        f"Difference from {baseline}, replicate by replicate where seeds are shared, with the t interval that its "
        f"verdict goes by: 95 % for all variants and looks together.{band if margin else ''} Hollow: inconclusive."
    )
    return effects_chart(effects, findings, KEY, caption)


def effects_chart(effects: Sequence[Effect], findings: Findings, key: str, caption: str) -> Chart:
    """Draw effects in rows, with the unit, the margin and the baseline of an ablation."""
    figure, axes = difference_figure([effect.name for effect in effects], findings.measure, findings.margin)
    for row, effect in enumerate(effects):
        point(axes, row, effect.estimate, effect.style, effect.settled)
        note(axes, row, effect.text)
    alt = "; ".join(f"{effect.name} {effect.text}" for effect in effects)
    quick_ticks(axes)
    return finish(figure, key, f"Difference from {findings.ablation.baseline}", caption, alt)


def forest_info(findings: Findings, styles: Styles) -> list[Effect]:
    """Return one effect per variant that can be compared, best mean first."""
    return [effect for row in findings.rows if (effect := _effect(findings, row, styles)) is not None]


def _effect(findings: Findings, row: Row, styles: Styles) -> Effect | None:
    if row.comparison is None or row.comparison.difference is None:
        return None
    unit, difference = findings.measure, row.comparison.difference
    return Effect(
        name=row.variant.name,
        style=styles[row.variant.name],
        estimate=unit.scaled(difference),
        settled=row.comparison.verdict != "inconclusive",
        text=unit.interval(difference),
    )
