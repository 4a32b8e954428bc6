"""Tables of text cells with sort keys, and the tables of an ablation's page that need no figures."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.core.text import duration, plural
from pipeline.report.findings import Findings
from pipeline.report.styles import Style, Styles
from pipeline.report.texts import MISSING, p_value, plain, value_at
from pipeline.result_files.schema import Ablation, Model, Variant
from pipeline.store.journal import Session

DEFAULTS = {"repeat": 1, "reuse": "all", "trainable": "all"}
"""What layers and phases have by default: left out where changes are shown."""
MOST_COMMITS = 3


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
    """A column's heading; numbers are aligned to the right. `hint` explains it on hovering.

    `words`: the cells hold short words of ours, which are never broken over lines, as a user's long ones may be. `minor`: a
    phone does without it.
    """

    title: str
    numeric: bool = False
    hint: str = ""
    words: bool = False
    minor: bool = False

    @property
    def classes(self) -> str:
        """The heading's classes in HTML."""
        return " ".join(["number"] * self.numeric + ["minor"] * self.minor)

    @property
    def cell_classes(self) -> str:
        """The classes in HTML of the column's cells."""
        kind = "number" if self.numeric else "words" if self.words else ""
        return " ".join(filter(None, [kind, "minor" * self.minor]))


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
            Cell(plain(_pruned(value_at(baseline.recipe, path)))),
            Cell(plain(_pruned(value))),
        ]
        for variant in ablation.variants
        for path, value in variant.changes.items()
    ]
    return Table([Column("variant"), Column("setting"), Column(f"in {baseline.name}"), Column("here")], rows)


def _pruned(value: Any) -> Any:
    """Return a recipe's value without empty sections and without `DEFAULTS`."""
    if isinstance(value, list | tuple):
        return [_pruned(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: _pruned(item) for key, item in value.items() if item != {} and DEFAULTS.get(key) != item}
    return kept["units"] if set(kept) == {"units"} else kept


def failures(ablation: Ablation, styles: Styles) -> Table:
    """Return every run that diverged: trials with their values, replicates with their seed and last epoch."""
    rows = [
        [Cell(variant.name, style=styles[variant.name]), *map(Cell, texts)]
        for variant in ablation.variants
        for texts in _failed(variant)
    ]
    return Table([Column("variant"), Column("kind", words=True), Column("run"), Column("run key")], rows)


def _failed(variant: Variant) -> list[tuple[str, str, str]]:
    """Return kind, description and key of every run that diverged."""
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


def layers(model: Model) -> Table:
    """Return a model's layers, as `model.summary()` shows them."""
    rows = [
        [
            Cell(layer.name),
            Cell(layer.class_name),
            Cell(layer.output_shape),
            Cell(f"{layer.parameters:,}", layer.parameters),
            Cell("" if not layer.parameters else "yes" if layer.trainable else "no"),
        ]
        for layer in model.layers
    ]
    columns = [
        Column("layer"),
        Column("class"),
        Column("output"),
        Column("parameters", True),
        Column("trainable"),
    ]
    return Table(columns, rows)


def effects(findings: Findings) -> Table | None:
    """Return a grid's factor importance, or None where it has none."""
    importance = findings.importance
    if importance is None:
        return None
    rows = [
        [
            Cell(" × ".join(effect.factors)),
            _share(effect.share),
            Cell(MISSING if effect.p is None else p_value(effect.p), effect.p),
        ]
        for effect in importance.effects
    ]
    rest = [
        [Cell(name), _share(share), Cell(MISSING)]
        for name, share in (("seeds", importance.seeds), ("chance and higher interactions", importance.rest))
    ]
    columns = [
        Column("factor"),
        Column("explains", True, "Share of the variation between runs, eta squared"),
        Column("p", True),
    ]
    return Table(columns, [*rows, *rest])


def _share(share: float) -> Cell:
    return Cell(f"{100 * share:.1f} %", share)


def training(ablation: Ablation) -> str:
    """Return in sentences how many runs there are, which engines trained the replicates, and how long all took."""
    replicates = [run for variant in ablation.variants for run in variant.replicates]
    trials = [run for variant in ablation.variants for run in variant.trials]
    engines = Counter(run.engine.name for run in replicates)
    by_engine = " and ".join(f"{name} {count}" for name, count in engines.most_common())
    counts = plural(len(replicates), "replicate") + (f" and {plural(len(trials), 'trial')}" if trials else "")
    text = f"{counts}. Replicates by engine: {by_engine}."
    seconds = [
        run.seconds for variant in ablation.variants for run in variant.runs if run.seconds is not None
    ]
    if not seconds:
        return text
    return f"{text} All took {duration(sum(seconds))} of training; of a stack's time each run counts an equal share."


def _stacks(ablation: Ablation) -> list[tuple[str, str]]:
    """Return how many runs trained together, on which a run's last digits depend (docs/scale.md)."""
    replicates = [run for variant in ablation.variants for run in variant.replicates]
    sizes = [run.engine.size for run in replicates if run.engine.name == "fused"]
    if not sizes:
        return []
    runs = plural(max(sizes), "run") if min(sizes) == max(sizes) else f"{min(sizes)} to {max(sizes)} runs"
    return [("stacks", f"{runs} together; in a stack of another size a run may round differently")]


def environment(ablation: Ablation, when: Sequence[tuple[str, str]]) -> Table:
    """Return `when` the replicates were trained and with what, the data set's digest, and how many each engine trained."""
    engines = Counter(
        f"{replicate.engine.name} ({replicate.engine.reason})"
        for variant in ablation.variants
        for replicate in variant.replicates
    )
    parts = [
        *when,
        *([("digest of the data set", ablation.data.digest)] if ablation.data else []),
        *ablation.environment.items(),
        *((f"engine of {plural(count, 'replicate')}", engine) for engine, count in engines.items()),
        *_stacks(ablation),
    ]
    return Table([Column("part"), Column("is")], [[Cell(name), Cell(text)] for name, text in parts])


def trained(ablation: Ablation, sessions: Mapping[str, Sequence[Session]]) -> list[tuple[str, str]]:
    """Return the days on which an ablation's runs were trained, and the commits that were checked out then.

    `sessions` are those that trained each run, by its key. Empty where the store does not know, as for runs that came with
    somebody else's results.
    """
    runs = (run for variant in ablation.variants for run in variant.runs)
    began = {session.began: session for run in runs for session in sessions.get(run.run_key, ())}
    own = [session for _, session in sorted(began.items())]
    days = sorted({datetime.fromtimestamp(session.began / 1e9, UTC).date() for session in own})
    commits = list(dict.fromkeys(session.commit for session in reversed(own) if session.commit))
    if not days:
        return []
    period = f"{days[0]} to {days[-1]}" if len(days) > 1 else f"{days[0]}"
    more = f" and {len(commits) - MOST_COMMITS} more" if len(commits) > MOST_COMMITS else ""
    shown = [commit.replace("-dirty", " (with changes)") for commit in commits[:MOST_COMMITS]]
    return [("trained", period), *([("commit", ", ".join(shown) + more)] if shown else [])]
