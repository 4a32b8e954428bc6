"""Simulated studies that look more than once: `python -m benchmarks.looks [--json] [--studies N] [--write FILE]`.

Errors, coverage, power, and what skewed noise does; see also `benchmarks.statistics`. 10,000 studies a case take minutes.
The studies are judged by `pipeline.stats.looks.follow`, the function that decides in a real study which variants go on.
"""

import sys
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import Case
from benchmarks.statistics import run
from pipeline.stats.across import across
from pipeline.stats.anytime import anytime_critical
from pipeline.stats.levels import Taken, critical, level, statistic
from pipeline.stats.looks import LEVEL, Course, follow
from pipeline.stats.plans import Family, Plan

Values = NDArray[np.float64]

LOOKS, SHORT = (5, 10, 20, 30), (5, 10, 20)
EFFECTS = (0.0, 0.0, 0.0, 0.5, 0.5, 1.0, 1.0, 2.0, 3.0)
"""Of nine variants, in standard deviations of a difference."""
STEP = 100 / 360
"""Points of accuracy that one of 360 test images is worth."""
PAIRS = 0.4
MARKER = "looks"


def course(differences: Values, looks: Sequence[int], margin: float = 0.0) -> dict[str, Course]:
    """Follow a study whose differences from the baseline are given, `[variants, seeds]`."""
    names = [f"v{number}" for number in range(len(differences))]
    measured = {"base": dict.fromkeys(range(differences.shape[1]), 0.0)}
    measured |= {name: dict(enumerate(row)) for name, row in zip(names, differences.tolist(), strict=True)}
    return follow(measured, "base", margin, Family(tuple(names), (Plan(tuple(looks)),)))


def _differs(courses: dict[str, Course]) -> bool:
    return any(found.verdict in ("better", "worse") for found in courses.values())


def _equals(courses: dict[str, Course]) -> bool:
    return any(found.verdict == "practically equal" for found in courses.values())


def false_verdicts(random: np.random.Generator, studies: int) -> Iterator[Case]:
    """Yield how often studies without any effect find one, with a plan of looks and without."""
    about = "looks at 5, 10, 20, 30"
    for variants in (1, 9):
        hits = sum(_differs(course(random.normal(size=(variants, 30)), LOOKS)) for _ in range(studies))
        who = "a variant" if variants == 1 else f"any of {variants} variants"
        yield Case(
            f"{about}: {who} without effect called better or worse", studies, hits / studies, most=LEVEL
        )
    hits = 0
    for row in random.normal(size=(studies, 30)):
        hits += any(abs(_t(row[:n])) >= critical(LEVEL, n) for n in LOOKS)
    yield Case(f"{about}: a variant without effect with p <= .05 at some look", studies, hits / studies)
    steps = np.round(random.normal(0, PAIRS, size=(studies, 9, 20)) / STEP) * STEP
    hits = sum(_differs(course(rows, SHORT)) for rows in steps)
    name = "looks at 5, 10, 20 in steps of .28 points: any of 9 without effect called better or worse"
    yield Case(name, studies, hits / studies, most=LEVEL)
    hits = sum(
        _equals(course(random.normal(4.0, 1.0, size=(9, 20)), SHORT, margin=4.0)) for _ in range(studies)
    )
    name = "looks at 5, 10, 20: any of 9 variants at the margin's edge called practically equal"
    yield Case(name, studies, hits / studies, most=LEVEL)


def coverage(random: np.random.Generator, studies: int) -> Case:
    """Return how often the intervals of all looks together hold the true difference."""
    covered = 0
    levels = {n: level(LEVEL, (Plan(LOOKS),), [Taken(k, k, 0.0) for k in LOOKS if k <= n]) for n in LOOKS}
    for row in random.normal(0.7, 1.0, size=(studies, 30)):
        covered += all(abs(_t(row[:n] - 0.7)) <= critical(levels[n], n) for n in LOOKS)
    return Case(
        "intervals of looks at 5, 10, 20, 30 all hold the true difference",
        studies,
        covered / studies,
        0.945,
        1.0,
    )


def power(random: np.random.Generator, studies: int) -> Iterator[Case]:
    """Yield how often effects are found with looks, and how many seeds that takes."""
    found: dict[float, int] = dict.fromkeys(EFFECTS, 0)
    seeds = 0
    for _ in range(studies):
        effects = np.array(EFFECTS)[:, None]
        courses = course(effects + random.normal(size=(len(EFFECTS), 30)), LOOKS)
        for effect, result in zip(EFFECTS, courses.values(), strict=True):
            found[effect] += result.verdict == "better"
        lengths = [result.looks[-1].seeds for result in courses.values()]
        seeds += sum(lengths) + max(lengths)
    for effect in (0.5, 1.0, 2.0):
        share = found[effect] / studies / EFFECTS.count(effect)
        name = f"looks at 5, 10, 20, 30: an effect of {effect:g} standard deviations found among 9 variants"
        yield Case(name, studies, share)
    yield Case(
        "trainings of such a study, of the 300 that 30 seeds for all would take",
        studies,
        seeds / studies / 300,
    )


def changed_plans(random: np.random.Generator, studies: int) -> Case:
    """Return how often a user is wrong who prolongs what looks promising after ten seeds, and gives up the rest."""
    hits, first = 0, (Plan(LOOKS),)
    for row in random.normal(size=(studies, 60)):
        taken = [Taken(n, n, _u(row[:n])) for n in (5, 10)]
        if any(_rejects(row, first, taken[: place + 1]) for place in (0, 1)):
            hits += 1
            continue
        seeds = 60 if abs(taken[1].u) > 0.3 else 15
        plans = (Plan(LOOKS, changed=10), Plan((5, 10, seeds)))
        hits += _rejects(row, plans, [*taken, Taken(seeds, seeds, 0.0)])
    name = "a plan that is changed after 10 seeds by what was seen: a variant without effect called better or worse"
    return Case(name, studies, hits / studies, most=LEVEL)


def anytime(random: np.random.Generator, studies: int) -> Iterator[Case]:
    """Yield the error and the power of looking after every seed without a plan."""
    critical_at = {n: anytime_critical(LEVEL, n) for n in range(2, 201)}
    for most in (30, 200):
        rows = random.normal(size=(studies, most))
        name = (
            f"after every seed up to {most}, without a plan: a variant without effect called better or worse"
        )
        yield Case(name, studies, _crossing(rows, critical_at), most=LEVEL)
    rows = random.normal(0.75, 1.0, size=(studies, 30))
    yield Case("the same, up to 30 seeds: an effect of .75 found", studies, _crossing(rows, critical_at))


def _crossing(rows: Values, critical_at: dict[int, float]) -> float:
    counts = np.arange(1, rows.shape[1] + 1)
    means = np.cumsum(rows, axis=1) / counts
    squares = np.cumsum(rows**2, axis=1) / counts
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(means) / np.sqrt((squares - means**2) / (counts - 1))
    limits = np.array([np.inf, *(critical_at[n] for n in range(2, rows.shape[1] + 1))])
    return float(np.mean((t >= limits).any(axis=1)))


def skew(random: np.random.Generator, studies: int) -> Iterator[Case]:
    """Yield what skewed differences do to the error: they break any t test, and are flagged instead."""
    for skewness in (0.5, 1.0, 2.0):
        shape = 4 / skewness**2
        rows = (random.gamma(shape, size=(studies, 1, 30)) - shape) / np.sqrt(shape)
        hits = sum(_differs(course(row, LOOKS)) for row in rows)
        yield Case(
            f"looks at 5, 10, 20, 30, differences of skewness {skewness:g}: a false verdict",
            studies,
            hits / studies,
        )


def data_sets(random: np.random.Generator, studies: int) -> Case:
    """Return how often the interval across three data sets holds the mean of such data sets."""
    covered = 0
    for _ in range(studies):
        seen = 1.0 + random.normal(0, 0.8, 3) + random.normal(0, 0.4, 3)
        result = across({"a": list(map(float, seen))}, 0.0)["a"]
        covered += result.low is not None and result.high is not None and result.low <= 1.0 <= result.high
    return Case("interval across 3 data sets holds the mean effect", studies, covered / studies, 0.94, 0.97)


def cases(studies: int, seed: int) -> Iterator[Case]:
    """Yield all cases, each drawn from a stream of its own."""
    streams = iter(np.random.default_rng(seed).spawn(10))
    yield from false_verdicts(next(streams), studies)
    yield coverage(next(streams), studies)
    yield from power(next(streams), studies)
    yield changed_plans(next(streams), studies)
    yield from anytime(next(streams), studies)
    yield from skew(next(streams), studies)
    yield data_sets(next(streams), studies)


def _t(values: Values) -> float:
    return float(values.mean() / (values.std(ddof=1) / np.sqrt(len(values))))


def _u(values: Values) -> float:
    return float(values.sum() / np.sqrt(len(values) * np.square(values).sum()))


def _rejects(row: Values, plans: tuple[Plan, ...], taken: Sequence[Taken]) -> bool:
    at, n = level(LEVEL, plans, taken), taken[-1].pairs
    return at > 0 and abs(_u(row[:n])) >= statistic(critical(at, n), n)


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate and print."""
    return run("benchmarks.looks", __doc__, MARKER, cases, arguments)


if __name__ == "__main__":
    sys.exit(main())
