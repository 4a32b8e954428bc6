"""Forest plot of an ablation on several data sets: every variant's difference on each of them, and over all."""

from dataclasses import replace

from pipeline.report.across import Group, interval_of
from pipeline.report.figures.chart import Chart
from pipeline.report.figures.forest import Effect, effects_chart, forest_info
from pipeline.report.styles import Styles

ALL = "all"


def across_chart(group: Group, styles: Styles) -> Chart | None:
    """Draw the plot, or return None where nothing follows across the data sets."""
    effects = across_info(group, styles)
    caption = (
        f"Difference from {group.baseline} on each data set, with the interval that its verdict there goes by, and over all "
        "of them with the 95 % t interval over data sets. Hollow: inconclusive."
    )
    return effects_chart(effects, group.findings[0], "across", caption) if effects else None


def across_info(group: Group, styles: Styles) -> list[Effect]:
    """Return the effects of each variant, on one data set after the other and then over all."""
    unit, effects = group.findings[0].measure, []
    for name, answer in group.answers.items():
        for findings in group.findings:
            label = f"{name} · {findings.ablation.dataset}"
            effects += [replace(e, name=label) for e in forest_info(findings, styles) if e.name == name]
        mean, settled = interval_of(answer), answer.verdict != "inconclusive"
        effects.append(
            Effect(f"{name} · {ALL}", styles[name], unit.scaled(mean), settled, unit.interval(mean))
        )
    return effects
