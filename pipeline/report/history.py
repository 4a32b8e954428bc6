"""What changed since the previous report: runs trained and reused, and what moved by more than noise, in words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isnan, nan
from typing import Any

from pipeline.progress import duration
from pipeline.report.beside import History, Summary
from pipeline.report.findings import Findings, measurements
from pipeline.report.results import run_keys
from pipeline.report.texts import listed, plural
from pipeline.stats.compare import LEVEL, Comparison, compare
from pipeline.stats.student import holm


@dataclass(frozen=True)
class Effort:
    """Runs of an ablation, or of a whole study: how many trained since the previous report, how many were there.

    `seconds` is what the trained ones took, each its share of its stack; None where nobody knows.
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
    """One ablation beside what the previous report said of it.

    `moved` and `within` count variants with other numbers than before: beyond noise, and not to be told from
    it. `sentences` say it all in words, the important first; there are none where nothing changed.
    """

    ablation: str
    effort: Effort
    sentences: tuple[str, ...]
    moved: int = 0
    within: int = 0


@dataclass(frozen=True)
class Change:
    """The whole study beside the previous report, if there is one (`compared`): the main things in sentences, then all."""

    effort: Effort
    lead: tuple[str, ...]
    compared: bool
    ablations: Mapping[str, News]


@dataclass
class _Shift:
    """One variant whose numbers are others than before; `moved` where a test found more than noise."""

    variant: str
    test: Comparison
    moved: bool = False

    @property
    def tested(self) -> bool:
        """Say whether there were replicates enough for a test."""
        return self.test.p is not None


def summary_of(study: Sequence[Findings]) -> Summary:
    """Return what this report says, as JSON: by ablation its data set, metric and variants' values and verdicts."""
    return {
        findings.ablation.name: {
            "dataset": findings.ablation.dataset,
            "metric": findings.measure.key,
            "variants": _variants(findings),
        }
        for findings in study
    }


def _variants(findings: Findings) -> dict[str, Any]:
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
    .05), so that in at most 5 % of reports a variant is said to have moved by chance alone.
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
    text = f"{str(effort)[0].upper()}{str(effort)[1:]}."
    if not effort.trained:
        return text
    began = datetime.fromtimestamp(history.sessions[0].began / 1e9, UTC)
    waited = duration(sum(session.seconds for session in history.sessions))
    sittings = "" if len(history.sessions) == 1 else f", in {len(history.sessions)} sittings"
    return f"{text} It took {waited} of waiting{sittings}, from {began:%Y-%m-%d %H:%M} UTC."


def _compared(study: Sequence[Findings], before: Summary | None, news: Sequence[News]) -> list[str]:
    if before is None:
        return ["This is the first report: there is nothing to compare it with."]
    names = {findings.ablation.name for findings in study}
    gone = [f"Ablations gone: {listed(old)}." for old in [[n for n in before if n not in names]] if old]
    moved, within = sum(each.moved for each in news), sum(each.within for each in news)
    if not moved + within:
        return ["No variant that was there before has other numbers now.", *gone]
    measured = plural(moved + within, "variant")
    if not moved:
        return [f"{measured} measured anew, none moved beyond noise.", *gone]
    return [f"{moved} of {measured} measured anew moved beyond noise.", *gone]


def _news(findings: Findings, history: History, shifts: Sequence[_Shift]) -> News:
    name = findings.ablation.name
    effort = _effort([findings], history)
    if history.before is None:
        return News(name, effort, ())
    old = history.before.get(name)
    if old is None:
        return News(name, effort, ("New.",))
    if not _comparable(findings, old):
        judged = f"{findings.measure.key.replace('_', ' ')} on {findings.ablation.dataset}"
        return News(name, effort, (f"Judged by {judged} now: not compared with before.",))
    moved = [shift for shift in shifts if shift.moved]
    sentences = [
        *(_moved(findings, shift) for shift in moved),
        *_others(shifts),
        *_verdicts(findings, old),
        *_came_and_went(findings, old),
    ]
    return News(name, effort, tuple(sentences), len(moved), len(shifts) - len(moved))


def _comparable(findings: Findings, old: Mapping[str, Any]) -> bool:
    return bool(old["dataset"] == findings.ablation.dataset and old["metric"] == findings.measure.key)


def _moved(findings: Findings, shift: _Shift) -> str:
    unit, difference = findings.measure, shift.test.difference
    assert difference is not None
    better = (difference.mean > 0) == unit.higher_is_better
    word = "better" if better else "worse"
    return (
        f"{shift.variant} moved by {unit.interval(difference)} {unit.step_unit}".rstrip()
        + f": {word} than before."
    )


def _others(shifts: Sequence[_Shift]) -> list[str]:
    within = [shift.variant for shift in shifts if shift.tested and not shift.moved]
    untested = [shift.variant for shift in shifts if not shift.tested]
    said = (("but no more than noise", within), ("too few to test", untested))
    return [f"Other numbers, {what}: {listed(names)}." for what, names in said if names]


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
    return [f"{word}: {listed(found)}." for word, found in (("New", came), ("Gone", went)) if found]


def _shifts(study: Sequence[Findings], before: Summary) -> dict[str, list[_Shift]]:
    """Return by ablation every variant that has other numbers than before, tested as one family."""
    found = {
        findings.ablation.name: list(_shifted(findings, before[findings.ablation.name]))
        for findings in study
        if findings.ablation.name in before and _comparable(findings, before[findings.ablation.name])
    }
    tested = [shift for shifts in found.values() for shift in shifts if shift.tested]
    if tested:
        adjusted = holm([shift.test.p for shift in tested if shift.test.p is not None])
        for shift, p in zip(tested, adjusted, strict=True):
            shift.moved = bool(p <= LEVEL)
    return found


def _shifted(findings: Findings, old: Mapping[str, Any]) -> Iterable[_Shift]:
    measured = measurements(findings.ablation, findings.measure)
    for name, now in measured.items():
        if name in old["variants"]:
            then = {int(seed): _number(value) for seed, value in old["variants"][name]["values"].items()}
            if not _same(then, now):
                pair = {"before": then, "now": now}
                test = compare(pair, "before", findings.margin, findings.measure.higher_is_better)["now"]
                yield _Shift(name, test)


def _number(value: float | None) -> float:
    return nan if value is None else value


def _same(then: Mapping[int, float], now: Mapping[int, float]) -> bool:
    """Say whether the seeds that both have, and each has some, gave the same: more seeds alone move nothing."""
    shared = then.keys() & now.keys()
    return bool(shared) and all(
        then[seed] == now[seed] or (isnan(then[seed]) and isnan(now[seed])) for seed in shared
    )


def _effort(study: Sequence[Findings], history: History) -> Effort:
    trained = {key for session in history.sessions for key in session.runs}
    keys = {key for findings in study for key in run_keys(findings.ablation)} if trained else set()
    seconds = _seconds(study, trained & keys)
    total = len({key for findings in study for key in run_keys(findings.ablation)})
    return Effort(len(trained & keys), total - len(trained & keys), seconds)


def _seconds(study: Sequence[Findings], keys: set[str]) -> float | None:
    took: dict[str, float] = {}
    for findings in study:
        for variant in findings.ablation.variants:
            for run in variant.runs:
                if run.run_key in keys and run.seconds is not None:
                    took[run.run_key] = run.seconds
    return sum(took.values()) if took else None
