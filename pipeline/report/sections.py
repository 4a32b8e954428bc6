"""The sections of an ablation's page with figures, in order. To add one: a function here, and its name in `SECTIONS`."""

from collections.abc import Callable

from pipeline.core.text import plural
from pipeline.data.excerpt import Excerpt
from pipeline.report import diagnostics, phases, published, tables, targets
from pipeline.report.data_excerpt import data_section
from pipeline.report.figures.curves import learning_curves
from pipeline.report.figures.dots import dots
from pipeline.report.figures.forest import forest
from pipeline.report.figures.fronts import fronts
from pipeline.report.figures.heatmap import heat_map
from pipeline.report.figures.ladder import staircase
from pipeline.report.figures.looks import looks
from pipeline.report.figures.phases import phase_marks
from pipeline.report.figures.plateau import plateaus
from pipeline.report.figures.published import published_charts
from pipeline.report.figures.schedules import schedules
from pipeline.report.figures.transfer import transfer
from pipeline.report.figures.tuning import tuning
from pipeline.report.findings import Findings
from pipeline.report.replication import replication_text, variance_text
from pipeline.report.section import Section
from pipeline.report.styles import Style, Styles
from pipeline.result_files.schema import Model, Tuning
from pipeline.stats.formatting import listed

MOST_LINES = 6
"""Variants whose curves are drawn over each other from the start."""
MOST_MODELS = 8
"""Models whose layers are shown."""


def page_sections(findings: Findings, styles: Styles, excerpt: Excerpt | None = None) -> list[Section]:
    """Draw the page's sections, at last the `excerpt` of its data; one without anything to show is left out."""
    sections = [draw(findings, styles) for draw in SECTIONS]
    sections.append(data_section(findings.ablation.dataset, excerpt))
    return [section for section in sections if section.shown_charts or section.shown_tables]


def _results(findings: Findings, styles: Styles) -> Section:
    charts = [
        heat_map(findings),
        staircase(findings, styles),
        forest(findings, styles),
        looks(findings, styles),
        dots(findings, styles),
        *fronts(findings, styles),
    ]
    effects = ("Which factor matters", tables.effects(findings))
    texts = [replication_text(findings.ablation), variance_text(findings.ablation, findings.measure)]
    return Section("results", "Results", charts, " ".join(filter(None, texts)), [effects])


def _transfer(findings: Findings, styles: Styles) -> Section:
    times = phases.table(findings.ablation, styles)
    note = f"{phases.savings(findings.ablation)} {phases.NOTE}".strip() if times and times.rows else ""
    charts = transfer(findings, styles)
    return Section("transfer", "Transfer", charts, note, [("What each phase took", times)])


def _published(findings: Findings, styles: Styles) -> Section:
    note = (
        "A published value is mostly that of one run. So it is compared with where one more run of ours would be: the 95 % "
        "prediction interval of our replicates, mean ± t · s · √(1 + 1/n). Of twenty values of the same recipe, one is "
        "outside by chance. Where that interval is wider than a quarter of the value (of a fraction: of what is missing "
        "to 100 %) to either side, hardly any value could be outside, and nothing is tested."
    )
    comparisons = published.published_comparisons(findings.ablation)
    table = (published.table_title(comparisons), published.table(comparisons, styles))
    return Section("published", "Published values", published_charts(comparisons, styles), note, [table])


def _curves(findings: Findings, styles: Styles) -> Section:
    note = (
        "Means over replicates with their 95 % t interval, while at least half of the replicates are still training. "
        "Axes are logarithmic where all values are positive."
    )
    if any(metric.is_fraction for metric in findings.ablation.metrics.values()):
        note += (
            " Those of fractions show what is missing to 100 %, so that values near it are spread out "
            "(100 % itself is drawn at 99.95 %)."
        )
    marks = phase_marks(findings.ablation)
    if marks:
        begins = "; ".join(f"{m.name} after epoch {m.epoch} ({', '.join(m.variants)})" for m in marks)
        note += f" Dotted vertical lines show where phases begin: {begins}."
    reached = targets.table(findings.ablation, styles)
    if reached is not None:
        note += f" {targets.NOTE}"
    table = (targets.heading(findings.ablation), reached)
    charts, first = learning_curves(findings.ablation, styles), _first(findings, styles)
    return Section("curves", "Learning curves", charts, note, [table], first)


def _first(findings: Findings, styles: Styles) -> list[Style]:
    """Return the baseline, the best and the worst of many variants; of few none, as all are shown."""
    ranked = [row.variant.name for row in findings.rows if row.interval is not None]
    if len(findings.rows) <= MOST_LINES or not ranked:
        return []
    return [styles[name] for name in dict.fromkeys((findings.ablation.baseline, ranked[0], ranked[-1]))]


def _schedules(findings: Findings, styles: Styles) -> Section:
    charts = [schedules(findings.ablation, styles), *plateaus(findings.ablation, styles)]
    return Section("schedules", "Learning-rate schedules", charts)


def _tuning(findings: Findings, styles: Styles) -> Section:
    tune = findings.ablation.tune
    of = "variant" if findings.ablation.replication.is_plain else "variant and replicate"
    note = "" if tune is None else _search_text(tune, of)
    return Section("tuning", "Tuning", tuning(findings.ablation, styles), note)


STOPPED = (
    " Half of the trials were ended after 15 % of their epochs, all but a third after 30 %: those with the worst mean of "
    "the last three."
)


def _search_text(tune: Tuning, of: str) -> str:
    folds = f", {tune.folds} folds" if tune.folds > 1 else ""
    return (
        f"{tune.trials} trials per {of} ({tune.oracle}), {plural(tune.seeds, 'seed')} each{folds}, "
        f"chosen by {tune.monitor}, then frozen.{STOPPED if tune.stop else ''}"
    )


def _models(findings: Findings, styles: Styles) -> Section:  # noqa: ARG001
    """Return the layers of each model, and what was taken out of it."""
    models = findings.ablation.models
    taken = [_taken_out(model) for model in models if model.removed]
    layers = [
        (f"Layers of {', '.join(model.variants)}", tables.layers(model)) for model in models[:MOST_MODELS]
    ]
    more = f" Shown are the first {MOST_MODELS} of {len(models)} models." if len(models) > MOST_MODELS else ""
    return Section("models", "Models", [], " ".join(taken) + more, layers)


def _taken_out(model: Model) -> str:
    """Return what was taken out of a model, in a sentence."""
    text = f"{listed(model.variants)}: without {listed(model.removed, 6)}"
    if model.unused:
        text += f", and {listed(model.unused, 6)}, on which nothing depends then"
    if model.merged:
        text += f"; {listed(model.merged, 6)} would merge a tensor with itself and passes it on"
    return f"{text}; {model.saved:,} parameters fewer."


SECTIONS: tuple[Callable[[Findings, Styles], Section], ...] = (
    _results,
    _published,
    _transfer,
    _curves,
    _schedules,
    _tuning,
    *diagnostics.SECTIONS,
    _models,
)
