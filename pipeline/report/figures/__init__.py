"""The figures of an ablation's page, one file each: one function computes what is shown, another draws it."""

from collections.abc import Mapping

from pipeline.report.figures.canvas import Figure
from pipeline.report.figures.curves import learning_curves
from pipeline.report.figures.dots import dots
from pipeline.report.figures.forest import forest
from pipeline.report.figures.heatmap import heat_map
from pipeline.report.figures.ladder import staircase
from pipeline.report.figures.removals import removals
from pipeline.report.figures.size import size
from pipeline.report.figures.transfer import transfer
from pipeline.report.figures.tuning import tuning
from pipeline.report.findings import Findings
from pipeline.report.styles import Styles


def draw_all(findings: Findings, styles: Styles) -> Mapping[str, list[Figure]]:
    """Return the page's figures by section; a section without anything to show is empty."""
    by_kind = (heat_map(findings), staircase(findings, styles), removals(findings, styles))
    results = (*by_kind, forest(findings, styles), dots(findings, styles), size(findings, styles))
    return {
        "results": [figure for figure in results if figure],
        "transfer": transfer(findings, styles),
        "curves": learning_curves(findings.ablation, styles),
        "tuning": tuning(findings.ablation, styles),
    }
