"""The figures of an ablation's page, one file each: a pure function computes what is shown, another draws it."""

from collections.abc import Mapping

from pipeline.report.figures.canvas import Figure
from pipeline.report.figures.curves import learning_curves
from pipeline.report.figures.dots import dots
from pipeline.report.figures.forest import forest
from pipeline.report.findings import Findings
from pipeline.report.styles import Styles


def draw_all(findings: Findings, styles: Styles) -> Mapping[str, list[Figure]]:
    """Return the page's figures by section; a section without anything to show is empty."""
    return {
        "results": [figure for figure in (forest(findings, styles), dots(findings, styles)) if figure],
        "curves": learning_curves(findings.ablation, styles),
    }
