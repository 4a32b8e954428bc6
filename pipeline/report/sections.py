"""The figure sections of an ablation's page, in their order. To add one: a function here, and its name in `SECTIONS`."""

from collections.abc import Callable

from pipeline.report import looks, phases, references, tables
from pipeline.report.figures.curves import learning_curves
from pipeline.report.figures.dots import dots
from pipeline.report.figures.forest import forest
from pipeline.report.figures.fronts import fronts
from pipeline.report.figures.heatmap import heat_map
from pipeline.report.figures.ladder import staircase
from pipeline.report.figures.phases import phase_marks
from pipeline.report.figures.plateau import plateaus
from pipeline.report.figures.published import published
from pipeline.report.figures.removals import removals
from pipeline.report.figures.schedules import schedules
from pipeline.report.figures.transfer import transfer
from pipeline.report.figures.tuning import tuning
from pipeline.report.findings import Findings
from pipeline.report.results import Tuning
from pipeline.report.section import Section
from pipeline.report.styles import Styles


def draw_all(findings: Findings, styles: Styles) -> list[Section]:
    """Return the page's sections; one without anything to show is left out."""
    sections = (make(findings, styles) for make in SECTIONS)
    return [section for section in sections if section.drawn or section.filled]


def _results(findings: Findings, styles: Styles) -> Section:
    by_kind = (heat_map(findings), staircase(findings, styles), removals(findings, styles))
    compared = (forest(findings, styles), dots(findings, styles))
    effects = ("Which factor matters", tables.effects(findings))
    return Section("results", "Results", [*by_kind, *compared, *fronts(findings, styles)], tables=[effects])


def _transfer(findings: Findings, styles: Styles) -> Section:
    times = phases.table(findings.ablation, styles)
    note = f"{phases.savings(findings.ablation)} {phases.NOTE}".strip() if times and times.rows else ""
    figures = transfer(findings, styles)
    return Section("transfer", "Transfer", figures, note, [("What each phase took", times)])


def _published(findings: Findings, styles: Styles) -> Section:
    note = (
        "What a document gives is mostly one run. So it is compared with where one more run of ours would lie: the 95 % "
        "prediction interval of our replicates, mean ± t · s · √(1 + 1/n). Of twenty figures of one and the same recipe, "
        "one will lie outside by chance."
    )
    claims = references.claims(findings.ablation)
    compared = (references.heading(claims), references.table(claims, styles))
    return Section("published", "Published figures", published(claims, styles), note, [compared])


def _curves(findings: Findings, styles: Styles) -> Section:
    note = (
        "Means over replicates with their 95 % t interval, while at least half of the replicates are still training. "
        "Axes are logarithmic; those of accuracies in the error, so that what lies near 100 % is spread out "
        "(100 % itself is drawn at 99.95 %)."
    )
    note += _phases(findings)
    return Section("curves", "Learning curves", learning_curves(findings.ablation, styles), note)


def _phases(findings: Findings) -> str:
    marks = phase_marks(findings.ablation)
    if not marks:
        return ""
    begun = "; ".join(f"{mark.name} after epoch {mark.epoch} ({', '.join(mark.variants)})" for mark in marks)
    return f" Dotted uprights show where phases begin: {begun}."


def _schedules(findings: Findings, styles: Styles) -> Section:
    figures = [schedules(findings.ablation, styles), *plateaus(findings.ablation, styles)]
    return Section("schedules", "Learning-rate schedules", figures)


def _tuning(findings: Findings, styles: Styles) -> Section:
    figures = tuning(findings.ablation, styles)
    tune = findings.ablation.tune
    return Section("tuning", "Tuning", figures, "" if tune is None else _searched(tune))


def _searched(tune: Tuning) -> str:
    seeds = "1 seed" if tune.seeds == 1 else f"{tune.seeds} seeds"
    folds = f", {tune.folds} folds" if tune.folds > 1 else ""
    return (
        f"{tune.trials} trials per variant ({tune.oracle}), {seeds} each{folds}, "
        f"chosen by {tune.monitor}, then frozen."
    )


SECTIONS: tuple[Callable[[Findings, Styles], Section], ...] = (
    _results,
    _published,
    _transfer,
    _curves,
    _schedules,
    _tuning,
    *looks.SECTIONS,
)
