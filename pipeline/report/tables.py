"""Tables as text cells that know how to sort, and the plain ones of an ablation's page."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.progress import duration
from pipeline.report.findings import Findings
from pipeline.report.results import Ablation, Variant
from pipeline.report.styles import Style, Styles
from pipeline.report.texts import MISSING, at, p_value, plain, plural

DEFAULTS = {"repeat": 1, "reuse": "all", "trainable": "all"}


@dataclass(frozen=True)
class Cell:
    """A cell's text and the number it sorts by, if not by its text.

    `style` puts a variant's swatch before the text, `word` shows it as a verdict.
    """

    text: str
    sort: float | None = None
    style: Style | None = None
    word: str | None = None


@dataclass(frozen=True)
class Column:
    """A column's heading; numbers are set to the right. `hint` explains it on hovering.

    `words`: the cells hold short words of ours, which are never broken in two, as a user's long ones may be.
    """

    title: str
    numeric: bool = False
    hint: str = ""
    words: bool = False


@dataclass(frozen=True)
class Table:
    """A table: every row has a cell per column."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


def changes(ablation: Ablation, styles: Styles) -> Table:
    """Return what each variant changes: path, the baseline's value, its own."""
    baseline = ablation.variant(ablation.baseline)
    rows = [
        [
            Cell(variant.name, style=styles[variant.name]),
            Cell(path),
            Cell(plain(_pruned(at(baseline.recipe, path)))),
            Cell(plain(_pruned(value))),
        ]
        for variant in ablation.variants
        for path, value in variant.changes.items()
    ]
    return Table([Column("variant"), Column("setting"), Column(f"in {baseline.name}"), Column("here")], rows)


def _pruned(value: Any) -> Any:
    """Return a recipe's value without what says nothing: empty sections, and what layers and phases have by default."""
    if isinstance(value, list | tuple):
        return [_pruned(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: _pruned(item) for key, item in value.items() if item != {} and DEFAULTS.get(key) != item}
    return kept["units"] if set(kept) == {"units"} else kept


def failures(ablation: Ablation, styles: Styles) -> Table:
    """Return every run that diverged: trials with their values, replicates with their seed and last epoch."""
    rows = [
        [Cell(variant.name, style=styles[variant.name]), Cell(phase), Cell(what), Cell(key)]
        for variant in ablation.variants
        for phase, what, key in _failed(variant)
    ]
    return Table([Column("variant"), Column("phase", words=True), Column("run"), Column("run key")], rows)


def _failed(variant: Variant) -> list[tuple[str, str, str]]:
    trials = [
        (
            "trial",
            ", ".join(f"{path} = {plain(value)}" for path, value in trial.values.items()),
            trial.run_key,
        )
        for trial in variant.trials
        if trial.outcome == "diverged"
    ]
    replicates = [
        ("replicate", f"seed {replicate.seed}, stopped in epoch {replicate.epochs}", replicate.run_key)
        for replicate in variant.replicates
        if replicate.outcome == "diverged"
    ]
    return trials + replicates


def effects(findings: Findings) -> Table | None:
    """Return a grid's factor importance, or None where it has none."""
    importance = findings.importance
    if importance is None:
        return None
    rows = [
        [
            Cell(" × ".join(effect.factors)),
            Cell(f"{effect.share:.1%}".replace("%", " %"), effect.share),
            Cell(MISSING if effect.p is None else p_value(effect.p), effect.p),
        ]
        for effect in importance.effects
    ]
    rest = [
        [Cell(name), Cell(f"{share:.1%}".replace("%", " %"), share), Cell(MISSING)]
        for name, share in (("seeds", importance.seeds), ("chance and higher interactions", importance.rest))
    ]
    columns = [
        Column("factor"),
        Column("explains", True, "Share of the variation between runs, eta squared"),
        Column("p", True),
    ]
    return Table(columns, [*rows, *rest])


def training(ablation: Ablation) -> str:
    """Return in a sentence how many runs there are, which engines trained the replicates, and how long all took."""
    replicates = [run for variant in ablation.variants for run in variant.replicates]
    trials = [run for variant in ablation.variants for run in variant.trials]
    engines = Counter(run.engine.name for run in replicates)
    ways = " and ".join(f"{name} {count}" for name, count in engines.most_common())
    counted = plural(len(replicates), "replicate") + (
        f" and {plural(len(trials), 'trial')}" if trials else ""
    )
    took = [run.seconds for variant in ablation.variants for run in variant.runs if run.seconds is not None]
    time = (
        f" All took {duration(sum(took))} of training, runs of a stack counting their share." if took else ""
    )
    return f"{counted}. Replicates by engine: {ways}.{time}"


def environment(ablation: Ablation) -> Table:
    """Return what the replicates were made with, and by which engine how many."""
    engines = Counter(
        f"{replicate.engine.name} ({replicate.engine.reason})"
        for variant in ablation.variants
        for replicate in variant.replicates
    )
    made = list(ablation.environment.items())
    made += [
        (f"engine of {count} {'replicate' if count == 1 else 'replicates'}", engine)
        for engine, count in engines.items()
    ]
    return Table([Column("part"), Column("is")], [[Cell(name), Cell(text)] for name, text in made])
