"""What the index page shows: a card per ablation and a leader board per data set."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.core.text import duration
from pipeline.report.findings import Findings, Row
from pipeline.report.history import Change, News
from pipeline.report.measure import Estimate
from pipeline.report.ranking import spread
from pipeline.report.styles import Style, Styles
from pipeline.report.tables import Cell, Column, Table
from pipeline.report.texts import MISSING
from pipeline.stats.intervals import Interval

LEADERS = 10


@dataclass(frozen=True)
class Whisker:
    """One variant in a card's small forest plot; positions are per cent of its width."""

    name: str
    style: Style
    at: float
    low: float
    high: float
    settled: bool


@dataclass(frozen=True)
class Card:
    """One ablation at a glance. `zero` and the band's ends are per cent of the small plot's width, `ends` its values."""

    name: str
    question: str
    dataset: str
    kind: str
    answer: str
    effect: str
    verdicts: Sequence[tuple[str, int]]
    cautions: Sequence[str]
    whiskers: Sequence[Whisker]
    zero: float
    band: tuple[float, float]
    ends: tuple[str, str]


@dataclass(frozen=True)
class Board:
    """The best variants of a study that were measured on one data set by one metric."""

    dataset: str
    metric: str
    table: Table
    left_out: int


def card(findings: Findings, styles: Styles) -> Card:
    """Return an ablation's card."""
    ablation = findings.ablation
    unit = findings.measure
    place, whiskers = _whiskers(findings, styles)
    return Card(
        name=ablation.name,
        question=ablation.question,
        dataset=ablation.dataset,
        kind=ablation.kind.replace("_", " "),
        answer=findings.conclusion[0],
        effect=_effect(findings),
        verdicts=sorted(findings.verdicts.items()),
        cautions=_cautions(findings),
        whiskers=whiskers,
        zero=place(0.0),
        band=(place(-findings.margin), place(findings.margin)),
        ends=(unit.step(place.low), f"{unit.step(place.high)} {unit.step_unit}".rstrip()),
    )


def _effect(findings: Findings) -> str:
    """Return the largest settled difference in words, or nothing where none is settled."""
    found, unit = findings.strongest, findings.measure
    if found is None:
        return ""
    names = [variant.name for variant in findings.ablation.variants]
    before = names[names.index(found.variant) - 1] if findings.steps else findings.ablation.baseline
    return (
        f"{found.variant} against {before}: {unit.interval(found.difference)} {unit.step_unit or unit.name}"
    )


def _cautions(findings: Findings) -> list[str]:
    kinds = Counter(flag.kind for flag in findings.flags)
    return [kind if count == 1 else f"{kind} ×{count}" for kind, count in kinds.items()]


class _Scale:
    """Maps differences to a line from 0 to 100; those beyond its ends are put at the end."""

    def __init__(self, values: Sequence[float]) -> None:
        low, high = min(values), max(values)
        room = 0.06 * (high - low) or 1.0
        self.low, self.high = low - room, high + room

    def __call__(self, value: float) -> float:
        return round(min(100.0, max(0.0, 100 * (value - self.low) / (self.high - self.low))), 1)


def _whiskers(findings: Findings, styles: Styles) -> tuple[_Scale, list[Whisker]]:
    compared = [(row, row.difference) for row in findings.rows if row.difference]
    ends = [end for _, interval in compared for end in _ends(interval)]
    scale = _Scale([0.0, -findings.margin, findings.margin, *ends])
    return scale, [
        Whisker(
            name=row.variant.name,
            style=styles[row.variant.name],
            at=scale(interval.mean),
            low=scale(_ends(interval)[0]),
            high=scale(_ends(interval)[1]),
            settled=row.comparison is not None and row.comparison.verdict != "inconclusive",
        )
        for row, interval in compared
    ]


def _ends(interval: Interval) -> tuple[float, float]:
    """Return an interval's ends, or the mean twice where it has none."""
    return Estimate.of(interval).ends or (interval.mean, interval.mean)


def summary(study: Sequence[Findings]) -> list[tuple[str, str]]:
    """Return the study in numbers: label and value."""
    variants = [variant for findings in study for variant in findings.ablation.variants]
    replicates = {run.run_key for variant in variants for run in variant.replicates}
    trials = {run.run_key for variant in variants for run in variant.trials}
    return [
        ("ablations", f"{len(study):,}"),
        ("variants", f"{len(variants):,}"),
        ("replicates", f"{len(replicates):,}"),
        ("trials", f"{len(trials):,}"),
        ("data", ", ".join(dict.fromkeys(findings.ablation.dataset for findings in study)) or "none"),
    ]


def news(change: Change) -> Table | None:
    """Return what happened to each ablation since the previous report; None where nothing did."""
    changed = [entry for entry in change.ablations.values() if entry.sentences or entry.effort.trained]
    if not changed:
        return None
    columns = [
        Column("ablation"),
        Column("trained", True, "Runs, trials and replicates"),
        Column("reused", True, "Runs that were trained before"),
        Column(
            "training time", True, "Of the runs trained; of a stack's time each run counts an equal share"
        ),
        Column("compared with the previous report"),
    ]
    return Table(columns, [_news_row(entry, change.compared) for entry in changed])


def _news_row(news: News, compared: bool) -> list[Cell]:
    seconds = news.effort.seconds
    return [
        Cell(news.ablation),
        *(Cell(f"{count:,}", count) for count in (news.effort.trained, news.effort.reused)),
        Cell(MISSING) if seconds is None else Cell(duration(seconds), round(seconds, 1)),
        Cell(" ".join(news.sentences) or ("As before." if compared else MISSING)),
    ]


def boards(study: Sequence[Findings], styles: Styles) -> list[Board]:
    """Return a board per data set and metric: two data sets are never ranked together."""
    groups: defaultdict[tuple[str, str], list[Findings]] = defaultdict(list)
    for findings in study:
        groups[findings.ablation.dataset, findings.measure.label].append(findings)
    return [_board(dataset, metric, group, styles) for (dataset, metric), group in groups.items()]


def _board(dataset: str, metric: str, group: Sequence[Findings], styles: Styles) -> Board:
    unit = group[0].measure
    entries = _distinct(group)
    entries.sort(key=lambda entry: -entry[1].mean if unit.higher_is_better else entry[1].mean)
    columns = [
        Column("#", True),
        Column("variant"),
        Column("ablation"),
        Column(metric, True),
        Column("95 % interval", True),
    ]
    rows = [
        [
            Cell(str(rank), rank),
            Cell(row.variant.name, style=styles[row.variant.name]),
            Cell(", ".join(places)),
            Cell(unit.text(interval.mean), interval.mean),
            Cell(spread(unit, interval)),
        ]
        for rank, (row, interval, places) in enumerate(entries[:LEADERS], 1)
    ]
    return Board(dataset, metric, Table(columns, rows), max(0, len(entries) - LEADERS))


def _distinct(group: Sequence[Findings]) -> list[tuple[Row, Interval, list[str]]]:
    """Return every measured variant once: ablations that share a variant's runs are listed in one entry."""
    entries: dict[tuple[str, ...], tuple[Row, Interval, list[str]]] = {}
    for findings in group:
        for row in findings.rows:
            if row.interval is not None:
                key = tuple(run.run_key for run in row.variant.replicates)
                entries.setdefault(key, (row, row.interval, []))[2].append(findings.ablation.name)
    return list(entries.values())
