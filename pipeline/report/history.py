"""What changed since the previous report: runs trained and reused, and variants that moved by more than noise, in words."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isnan, nan
from typing import Any

from pipeline.core.text import duration, plural
from pipeline.report.context import History, Summary
from pipeline.report.findings import Findings, measurements
from pipeline.stats.compare import LEVEL, Comparison, compare
from pipeline.stats.formatting import listed
from pipeline.stats.intervals import Interval
from pipeline.stats.student import holm

LISTED = 6
"""How many names a sentence lists before it counts the rest."""


@dataclass(frozen=True)
class Effort:
    """Runs of an ablation, or of a whole study: how many trained since the previous report, how many existed before.

    `seconds` is how long the trained ones took, each its share of its stack; None where unknown.
    """

    trained: int
    reused: int
    seconds: float | None

    def __str__(self) -> str:
        if not self.trained:
            return f"nothing trained, {plural(self.reused, 'run')} reused"
        return f"{plural(self.trained, 'run')} trained, {self.reused:,} reused"


@dataclass(frozen=True)
class News:
    """One ablation compared with the previous report.

    `moved` and `within` count variants whose numbers changed: beyond noise, and within it. `sentences` are all of that in
    words, the important first; there are none where nothing changed.
    """

    ablation: str
    effort: Effort
    sentences: tuple[str, ...]
    moved: int = 0
    within: int = 0


@dataclass(frozen=True)
class Change:
    """The whole study compared with the previous report, if there is one (`compared`): a summary in sentences, then all."""

    effort: Effort
    lead: tuple[str, ...]
    compared: bool
    ablations: Mapping[str, News]


@dataclass
class _Shift:
    """One variant whose numbers changed; `moved` where a test found more than noise."""

    variant: str
    test: Comparison
    moved: bool = False

    @property
    def tested(self) -> bool:
        """Whether there were enough replicates for a test."""
        return self.test.p is not None


def summary_of(study: Sequence[Findings]) -> Summary:
    """Return the contents of this report, as JSON: by ablation data set, metric, answer, values and verdicts."""
    return {
        findings.ablation.name: {
            "dataset": findings.ablation.dataset,
            "metric": findings.measure.key,
            "answer": findings.conclusion[0],
            "variants": _values_and_verdicts(findings),
        }
        for findings in study
    }


def _values_and_verdicts(findings: Findings) -> dict[str, Any]:
    measured = measurements(findings.ablation, findings.measure)
    return {
        row.variant.name: {
            "values": {
                str(seed): None if isnan(value) else value
                for seed, value in measured[row.variant.name].items()
            },
            "verdict": row.comparison.verdict if row.comparison else None,
        }
        for row in findings.rows
    }


def change(study: Sequence[Findings], history: History) -> Change:
    """Compare a study with the previous report.

    Variants whose numbers changed are tested as one family, paired by seed where seeds are shared (Holm, level
    .05), so that at most 5 % of reports call a variant moved that moved by chance alone.
    """
    before = history.before
    shifts = {} if before is None else _shifts(study, before)
    news = {
        findings.ablation.name: _news(findings, history, shifts.get(findings.ablation.name, []))
        for findings in study
    }
    effort = _effort(study, history)
    lead = (_when(effort, history), *_compared(study, before, list(news.values())))
    return Change(effort, lead, before is not None, news)


def _when(effort: Effort, history: History) -> str:
    sentence = f"{str(effort)[0].upper()}{str(effort)[1:]}."
    if not effort.trained:
        return sentence
    began = datetime.fromtimestamp(history.sessions[0].began / 1e9, UTC)
    waited = duration(sum(session.seconds for session in history.sessions))
    sessions = "" if len(history.sessions) == 1 else f", in {len(history.sessions)} sessions"
    return f"{sentence} It took {waited} of waiting{sessions}, from {began:%Y-%m-%d %H:%M} UTC."


def _compared(study: Sequence[Findings], before: Summary | None, news: Sequence[News]) -> list[str]:
    if before is None:
        return ["This is the first report: there is nothing to compare it with."]
    names = {findings.ablation.name for findings in study}
    gone = [name for name in before if name not in names]
    removed = [f"Ablations gone: {listed(gone, LISTED)}."] if gone else []
    moved, within = sum(entry.moved for entry in news), sum(entry.within for entry in news)
    measured = plural(moved + within, "variant")
    if not moved + within:
        return ["No variant's numbers have changed.", *removed]
    if not moved:
        return [f"{measured} measured again, none moved beyond noise.", *removed]
    return [f"{moved} of {measured} measured again moved beyond noise.", *removed]


def _news(findings: Findings, history: History, shifts: Sequence[_Shift]) -> News:
    name = findings.ablation.name
    effort = _effort([findings], history)
    if history.before is None:
        return News(name, effort, ())
    old = history.before.get(name)
    if old is None:
        return News(name, effort, ("New.",))
    if not _comparable(findings, old):
        metric = f"{findings.measure.key.replace('_', ' ')} on {findings.ablation.dataset}"
        return News(name, effort, (f"Judged by {metric} now: not compared with before.",))
    moved = [shift for shift in shifts if shift.moved]
    sentences = [
        *(_moved(findings, s.variant, s.test.difference) for s in moved if s.test.difference is not None),
        *_others(shifts),
        *_verdicts(findings, old),
        *_came_and_went(findings, old),
    ]
    return News(name, effort, tuple(sentences), len(moved), len(shifts) - len(moved))


def _comparable(findings: Findings, old: Mapping[str, Any]) -> bool:
    return bool(old["dataset"] == findings.ablation.dataset and old["metric"] == findings.measure.key)


def _moved(findings: Findings, variant: str, difference: Interval) -> str:
    unit = findings.measure
    word = "better" if (difference.mean > 0) == unit.higher_is_better else "worse"
    amount = f"{unit.interval(difference)} {unit.step_unit}".rstrip()
    return f"{variant} moved by {amount}: {word} than before."


def _others(shifts: Sequence[_Shift]) -> list[str]:
    within = [shift.variant for shift in shifts if shift.tested and not shift.moved]
    untested = [shift.variant for shift in shifts if not shift.tested]
    reasons = (("within noise", within), ("too few replicates to test", untested))
    return [f"Numbers changed, {reason}: {listed(names, LISTED)}." for reason, names in reasons if names]


def _verdicts(findings: Findings, old: Mapping[str, Any]) -> list[str]:
    pairs = (
        (row.variant.name, old["variants"].get(row.variant.name, {}).get("verdict"), row.comparison)
        for row in findings.rows
    )
    return [
        f"The verdict on {name} was {before}, and is {now.verdict}."
        for name, before, now in pairs
        if before is not None and now is not None and now.verdict != before
    ]


def _came_and_went(findings: Findings, old: Mapping[str, Any]) -> list[str]:
    names = [row.variant.name for row in findings.rows]
    came = [name for name in names if name not in old["variants"]]
    went = [name for name in old["variants"] if name not in names]
    return [f"{word}: {listed(group, LISTED)}." for word, group in (("New", came), ("Gone", went)) if group]


def _shifts(study: Sequence[Findings], before: Summary) -> dict[str, list[_Shift]]:
    """Return by ablation every variant whose numbers changed, tested as one family."""
    by_ablation = {
        findings.ablation.name: list(_shifted(findings, before[findings.ablation.name]))
        for findings in study
        if findings.ablation.name in before and _comparable(findings, before[findings.ablation.name])
    }
    tested = [shift for shifts in by_ablation.values() for shift in shifts if shift.tested]
    if tested:
        adjusted = holm([shift.test.p for shift in tested if shift.test.p is not None])
        for shift, p in zip(tested, adjusted, strict=True):
            shift.moved = bool(p <= LEVEL)
    return by_ablation


def _shifted(findings: Findings, old: Mapping[str, Any]) -> Iterable[_Shift]:
    measured = measurements(findings.ablation, findings.measure)
    for name, now in measured.items():
        if name in old["variants"]:
            values = old["variants"][name]["values"]
            then = {int(seed): nan if value is None else value for seed, value in values.items()}
            if not _same(then, now):
                pair = {"before": then, "now": now}
                higher, overlap = findings.measure.higher_is_better, findings.ablation.replication.overlap
                test = compare(pair, "before", findings.margin, higher, overlap=overlap)["now"]
                yield _Shift(name, test)


def _same(then: Mapping[int, float], now: Mapping[int, float]) -> bool:
    """Return whether the seeds that both have (at least one) measured the same: more seeds alone change nothing."""
    shared = then.keys() & now.keys()
    return bool(shared) and all(
        then[seed] == now[seed] or (isnan(then[seed]) and isnan(now[seed])) for seed in shared
    )


def _effort(study: Sequence[Findings], history: History) -> Effort:
    keys = {key for findings in study for key in findings.ablation.run_keys()}
    trained = keys.intersection(key for session in history.sessions for key in session.runs)
    return Effort(len(trained), len(keys) - len(trained), _seconds(study, trained))


def _seconds(study: Sequence[Findings], keys: Set[str]) -> float | None:
    seconds = {
        run.run_key: run.seconds
        for findings in study
        for variant in findings.ablation.variants
        for run in variant.runs
        if run.run_key in keys and run.seconds is not None
    }
    return sum(seconds.values()) if seconds else None
