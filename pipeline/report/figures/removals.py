"""Bars of a leave-one-out ablation: what removing each part costs."""

from pipeline.report.figures.axis import quick_ticks
from pipeline.report.figures.chart import Chart, finish, mark, stroke
from pipeline.report.figures.forest import Effect, forest_info
from pipeline.report.figures.rows import difference_figure, note
from pipeline.report.figures.svg import INK, series
from pipeline.report.findings import Findings
from pipeline.report.styles import Styles

KEY = "removals"


def removals(findings: Findings, styles: Styles) -> Chart | None:
    """Draw the bars, or return None for anything but a leave-one-out ablation with results."""
    effects = removals_info(findings, styles)
    if not effects:
        return None
    unit = findings.measure
    figure, axes = difference_figure([effect.name for effect in effects], unit, findings.margin)
    for row, effect in enumerate(effects):
        bar = axes.barh(row, effect.estimate.mean, height=0.62, color=series(effect.style), alpha=0.75)[0]
        mark(bar, effect.style)
        if effect.estimate.ends is not None:
            stroke(axes, effect.estimate.ends, [row, row], color=INK, linewidth=1.2)
        note(axes, row, effect.text)
    axes.set_xlabel(unit.step_label)
    caption = (
        f"What {findings.ablation.baseline} loses or gains without each part, the most harmful removal "
        "first, with the 95 % t interval."
    ) + (" The band is the declared margin." if findings.margin else "")
    alt = "; ".join(f"{effect.name} {effect.text}" for effect in effects)
    quick_ticks(axes)
    return finish(figure, KEY, "What each part is worth", caption, alt)


def removals_info(findings: Findings, styles: Styles) -> list[Effect]:
    """Return one effect per removed part, the most harmful first; none for other kinds."""
    if findings.ablation.kind != "leave_one_out":
        return []
    return forest_info(findings, styles)[::-1]
