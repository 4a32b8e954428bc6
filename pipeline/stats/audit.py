"""Flags: what a reader should know before trusting a verdict. Pure functions from numbers to flags."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, copysign, inf, log
from statistics import median, stdev
from typing import Literal, TypeAlias

import numpy as np

from pipeline.core.text import plural
from pipeline.stats.formatting import MetricFormat, listed

FlagKind = Literal[
    "edge of range",
    "failed trials",
    "close second",
    "diverged",
    "still improving",
    "few seeds",
    "unequal budgets",
    "several factors",
    "same model",
    "budget",
    "exploratory",
    "far off",
    "borderline",
    "several machines",
]
Space: TypeAlias = Mapping[str, Mapping[str, object]]

EDGE = 0.05
"""How near to an end of its range a value is flagged, as a part of the range."""

NEAR_THE_LEVEL = (0.025, 0.1)
"""Adjusted p between these are a factor of two from the level .05 at most."""
AGREEING = 0.05
ENOUGH_SEEDS = 5
EXPLORATORY_SEEDS = 3

_SCALES = ("log", "linear", "int")


@dataclass(frozen=True)
class Flag:
    """One reason for caution, as a sentence; `variant` is None if it concerns the whole ablation."""

    kind: FlagKind
    variant: str | None
    message: str


def same_model(groups: Iterable[Sequence[str]]) -> list[Flag]:
    """Flag variants that differ in their model alone, and whose models compute the same: their switch does nothing."""
    return [
        Flag(
            "same model",
            None,
            f"{listed(names, len(names))} are the same model: what they differ in does nothing.",
        )
        for names in groups
    ]


def edge_of_range(variant: str, space: Space, chosen: Mapping[str, object]) -> list[Flag]:
    """Flag every chosen value within 5 % of an end of its range, measured on the scale of the range.

    `space` maps a dotted path to its range as params.yaml writes it: `{log: [1e-4, 1e-1]}`,
    `{linear: [0, 1]}` or `{int: [1, 8]}`; choices have no ends and are skipped. `chosen` maps paths to the
    values of the best trial.
    """
    return [
        Flag("edge of range", variant, message)
        for path, domain in space.items()
        for scale in _SCALES
        if scale in domain and (message := _edge(path, chosen.get(path), scale, domain[scale]))
    ]


def failed_trials(variant: str, scores: Sequence[float | None], metric: MetricFormat) -> list[Flag]:
    """Flag a variant most of whose trials failed, so that its choice is one of few; `scores` are None for diverged ones.

    A trial scored by accuracy also failed where it reached less than half of the best trial's: it hardly learnt.
    """
    diverged_ones = [score for score in scores if score is None]
    known = [score for score in scores if score is not None]
    poor = [score for score in known if score < max(known) / 2] if metric.is_fraction else []
    failed = len(diverged_ones) + len(poor)
    if 2 * failed <= len(scores):
        return []
    parts = [
        f"{len(diverged_ones)} diverged" if diverged_ones else "",
        f"{len(poor)} reached less than half of the best one's {metric.name}" if poor else "",
    ]
    reasons = ", ".join(filter(None, parts))
    message = f"{failed} of {len(scores)} trials failed ({reasons}): few values of its range were compared."
    return [Flag("failed trials", variant, message)]


def close_second(
    variant: str,
    scores: Sequence[float | None],
    measured: Sequence[float],
    averaged: int,
    metric: MetricFormat,
) -> list[Flag]:
    """Flag a variant whose second best trial is within noise of its best.

    `scores` are higher for better trials, each the mean of `averaged` runs. `measured` is the same metric over replicates:
    its standard deviation s tells what a seed alone changes, so two trials differ by about s (2 / averaged)^(1/2).
    """
    known = sorted((score for score in scores if score is not None), reverse=True)
    if len(known) < 2 or len(measured) < 2:
        return []
    gap, noise = known[0] - known[1], stdev(measured) * (2 / averaged) ** 0.5
    if gap > noise:
        return []
    message = (
        f"Its second best trial is {metric.amount(gap)} behind the best, within the {metric.amount(noise)} "
        "by which seeds alone part two trials."
    )
    return [Flag("close second", variant, message)]


def diverged(outcomes: Mapping[str, Sequence[str]]) -> list[Flag]:
    """Flag every variant with diverged runs; `outcomes` maps it to the `RunRecord.outcome` of each run."""
    return [
        Flag("diverged", variant, _diverged_message(list(runs)))
        for variant, runs in outcomes.items()
        if "diverged" in runs
    ]


def still_improving(variant: str, curves: Iterable[Sequence[float]], metric: str = "val_loss") -> list[Flag]:
    """Flag a variant whose validation loss was still falling when training stopped.

    `curves` holds one curve per replicate, with one value per epoch. A straight line is fitted to the last fifth of
    each (at least three epochs). The variant is flagged if, in the median over replicates, the slope is at least
    twice its standard error below zero and the loss falls by at least 1 % over those epochs.
    """
    trends = [trend for curve in curves if (trend := _trend(curve)) is not None]
    if not trends:
        return []
    t, fall, epochs = (median(values) for values in zip(*trends, strict=True))
    if t > -2 or fall < 0.01:
        return []
    fell = f"{metric} still fell by {100 * fall:.0f} % over the last {round(epochs)} epochs"
    return [Flag("still improving", variant, f"{fell}: longer training may change this.")]


def few_seeds(seeds: int, counted: str | None = None) -> list[Flag]:
    """Flag an ablation with fewer than five replicates per variant; three or fewer are called exploratory.

    `counted` says what they are: `4 folds`.
    """
    if seeds >= ENOUGH_SEEDS:
        return []
    word = "exploratory" if seeds <= EXPLORATORY_SEEDS else "preliminary"
    message = (
        f"Only {counted or plural(seeds, 'seed')}: {word}; {ENOUGH_SEEDS} or more make a verdict dependable."
    )
    return [Flag("few seeds", None, message)]


def far_off(variant: str, values: Sequence[float]) -> list[Flag]:
    """Flag a variant of which some replicates lie far from the others: t tests expect noise that is about symmetrical.

    Far is counted in median absolute deviations (times 1.4826, a standard deviation where noise is normal) from the median,
    so many that about one in a hundred variants with normal noise is flagged, whatever the number of its replicates.
    """
    if len(values) < ENOUGH_SEEDS:
        return []
    middle = median(values)
    spread = 1.4826 * median([abs(value - middle) for value in values])
    far = [value for value in values if spread > 0 and abs(value - middle) > _far(len(values)) * spread]
    if not far:
        return []
    message = (
        f"{len(far)} of {len(values)} replicates lie far from the others. Where bad runs are rare and large, t tests of few "
        "seeds miss them, or are misled by one: more seeds tell how often they happen."
    )
    return [Flag("far off", variant, message)]


def _far(replicates: int) -> float:
    return 5 + 13 * (4 / (replicates - 1)) ** 3


def against_signs(variant: str, p_holm: float | None, p_signs: float | None, verdict: str) -> list[Flag]:
    """Flag a verdict that a test without an assumption about the noise does not bear out."""
    if verdict not in ("better", "worse") or p_signs is None or p_holm is None or p_signs <= AGREEING:
        return []
    message = f"The sign-flip test, which assumes nothing about the noise, gives p = {p_signs:.2g}: the noise may be skewed."
    return [Flag("far off", variant, message)]


def borderline(variant: str, verdict: str, p_holm: float | None, p_equivalence: float | None) -> list[Flag]:
    """Flag a verdict that hangs by little: its adjusted p, or that of the nearest other verdict, is close to the level .05.

    At p = .05 the same study on other seeds finds a difference of that size again in about half of all cases (S. Goodman,
    "A comment on replication, p-values and evidence", Statistics in Medicine 11, 1992).
    """
    tests = {"better": [p_holm], "worse": [p_holm], "practically equal": [p_equivalence]}
    low, high = NEAR_THE_LEVEL
    if not any(p is not None and low <= p <= high for p in tests.get(verdict, [p_holm, p_equivalence])):
        return []
    message = (
        f"{verdict}, but by little: an adjusted p is close to .05, and other seeds may give another verdict."
    )
    return [Flag("borderline", variant, message)]


def several_machines(processors: Sequence[str]) -> list[Flag]:
    """Flag an ablation whose replicates were trained on more than one kind of processor."""
    if len(processors) < 2:
        return []
    message = (
        f"Trained on {listed(processors, len(processors))}, which round differently: a replicate trained again "
        "elsewhere may have other numbers."
    )
    return [Flag("several machines", None, message)]


def exploratory(spent: Mapping[str, int]) -> list[Flag]:
    """Flag variants with more seeds than those of their verdict: `spent` says after how many that was, by variant."""
    return [
        Flag(
            "exploratory",
            variant,
            f"The 5 % of false verdicts was spent at {seeds} seeds: the verdict is that of then, the difference that of all "
            "seeds, exploratory.",
        )
        for variant, seeds in spent.items()
    ]


def changed_margin(declared: str, now: float | None) -> list[Flag]:
    """Flag an ablation whose margin was changed after a look; it is judged by the one declared before."""
    if now is None:
        return []
    message = f"The margin was changed to {now:g} after a look: equality is judged by the one declared before, ±{declared}."
    return [Flag("exploratory", None, message)]


def several_studies(count: int) -> list[Flag]:
    """Flag an ablation that was judged again on seeds of its own."""
    if count == 1:
        return []
    message = (
        f"This is study {count} of the same question, on seeds of its own: each may be wrong in 5 % of cases."
    )
    return [Flag("exploratory", None, message)]


def fewer_seeds(seeds: int, wanted: int) -> list[Flag]:
    """Flag an ablation whose study had no time for all seeds that it asks for."""
    if seeds >= wanted:
        return []
    message = f"{seeds} of {wanted} seeds were trained: the study's budget of time allowed no more."
    return [Flag("budget", None, message)]


def unequal_budgets(budgets: Mapping[str, int], unit: str = "trials") -> list[Flag]:
    """Flag an ablation in which the variants did not have the same number of `unit` (trials, or epochs)."""
    if len(set(budgets.values())) <= 1:
        return []
    least, most = min(budgets, key=budgets.__getitem__), max(budgets, key=budgets.__getitem__)
    message = f"Unequal budgets: {least} had {budgets[least]} {unit}, {most} {budgets[most]}."
    return [Flag("unequal budgets", None, message)]


def several_factors(changes: Mapping[str, Iterable[str]]) -> list[Flag]:
    """Flag every variant that differs from the baseline in more than one factor.

    `changes` maps a variant to the dotted paths at which its recipe differs from the baseline's. A changed
    `name` and the arguments next to it are one factor, but a learning rate always counts on its own. An
    activation with its matching initializer counts as two factors, and the flag names both.
    """
    return [
        Flag("several factors", variant, _factors_message(factors))
        for variant, paths in changes.items()
        if len(factors := _factors(paths)) > 1
    ]


def _edge(path: str, value: object, scale: str, ends: object) -> str | None:
    numbers = [item for item in (value, *_items(ends)) if isinstance(item, int | float)]
    if len(numbers) != 3:
        return None
    chosen, low, high = numbers
    position = position_in(chosen, low, high, scale == "log")
    if EDGE < position < 1 - EDGE:
        return None
    end = "lower" if position <= EDGE else "upper"
    return f"{path} = {chosen:.3g} is at the {end} end of its range {low:g} to {high:g}; try a wider one."


def _items(ends: object) -> Sequence[object]:
    return ends if isinstance(ends, list | tuple) else ()


def position_in(value: float, low: float, high: float, logarithmic: bool) -> float:
    """Return the position of `value` between `low` (0) and `high` (1), on a logarithmic or a linear scale."""
    if low == high:
        return 0.5
    if logarithmic:
        return log(value / low) / log(high / low)
    return (value - low) / (high - low)


def _diverged_message(runs: Sequence[str]) -> str:
    lost = runs.count("diverged")
    noun = "run" if len(runs) == 1 else "runs"
    return f"{lost} of {len(runs)} {noun} diverged ({100 * lost / len(runs):.0f} %) and are left out of all means."


def _trend(curve: Sequence[float]) -> tuple[float, float, int] | None:
    """Return slope over standard error, relative fall and epochs of the last fifth of a curve; None if it is too short."""
    window = max(3, ceil(len(curve) / 5))
    tail = np.asarray(curve[-window:], dtype=np.float64)
    if len(curve) < 2 * window or not np.isfinite(tail).all():
        return None
    epochs = np.arange(window) - (window - 1) / 2
    slope = float(epochs @ tail / (epochs @ epochs))
    noise = tail - tail.mean() - slope * epochs
    error = float(np.sqrt(noise @ noise / (window - 2) / (epochs @ epochs)))
    fall = -slope * (window - 1)
    return _ratio(slope, error), _ratio(fall, abs(float(tail[0]))), window


def _ratio(part: float, whole: float) -> float:
    if whole == 0:
        return 0.0 if part == 0 else copysign(inf, part)
    return part / whole


def _factors(paths: Iterable[str]) -> list[str]:
    """Return the factors behind changed paths: the arguments next to a changed `name` belong to it."""
    changed = list(paths)
    named = {_parent(path) for path in changed if path.endswith(".name")}
    return sorted(
        path for path in changed if _parent(path) not in named or path.endswith((".name", ".learning_rate"))
    )


def _parent(path: str) -> str:
    return path.rpartition(".")[0]


def _factors_message(factors: Sequence[str]) -> str:
    listed = f"{', '.join(factors[:-1])} and {factors[-1]}"
    endings = {factor.rpartition(".")[2] for factor in factors}
    why = " (an activation and its initializer)" if endings == {"activation", "initializer"} else ""
    differs = f"Differs from the baseline in {len(factors)} factors, {listed}{why}"
    return f"{differs}: their effects cannot be separated."
