"""Check the statistics of the report by simulation: `python -m benchmarks.statistics [--json] [--studies N]`.

Studies with known true effects are drawn at random and judged by the functions that judge real ones
(`pipeline.stats.student`, `pipeline.stats.compare.verdicts`), ten thousand at a time. The numbers are
accuracies in points: replicates of a variant have a standard deviation of one point, half of its variance
shared by all variants of a study through their seeds. Exit status 1 when a rate is outside its limits.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import Case
from benchmarks.documents import write_table
from benchmarks.resampled import resampled
from pipeline.stats.compare import LEVEL, verdicts
from pipeline.stats.student import (
    Floats,
    difference_p,
    equivalence_p,
    holm,
    limits,
    paired,
)

Hits: TypeAlias = NDArray[Any]

SEEDS = 5
VARIANTS = 9
MARGIN = 0.2
STEADY = 0.4
MARKER = "statistics"


def simulate(rng: np.random.Generator, studies: int, effects: Sequence[float], seeds: int) -> Floats:
    """Return accuracies in points, `[studies, 1 + variants, seeds]`, the baseline first."""
    seed_luck = rng.normal(size=(studies, 1, seeds))
    own_luck = rng.normal(size=(studies, 1 + len(effects), seeds))
    return np.asarray(90 + np.array([0.0, *effects])[:, None] + (seed_luck + own_luck) / np.sqrt(2))


def judge(points: Floats, margin: float = MARGIN) -> Hits:
    """Return the verdict on every variant of every study, `[studies, variants]`, as `compare` returns it."""
    estimate = paired(points[:, 1:], points[:, :1])
    return verdicts(estimate.mean, holm(difference_p(estimate)), holm(equivalence_p(estimate, margin)))


def coverage(rng: np.random.Generator, studies: int, seeds: int) -> Case:
    """Return how often the 95 % interval of a mean holds the true mean."""
    values = rng.normal(size=(studies, seeds))
    low, high = limits(paired(values, np.zeros_like(values)))
    rate = np.mean((low <= 0) & (high >= 0))
    return Case(f"95 % interval holds the true mean, {seeds} seeds", studies, float(rate), 0.94, 0.96)


def false_differences(rng: np.random.Generator, studies: int) -> Iterator[Case]:
    """Yield how often nine variants without any effect have at least one false verdict."""
    points = simulate(rng, studies, [0.0] * VARIANTS, SEEDS)
    judged = judge(points)
    uncorrected = difference_p(paired(points[:, 1:], points[:, :1])) <= LEVEL
    about = f"of {VARIANTS} variants without effect"
    yield Case(f"any {about} called better", studies, _any(judged == "better"), most=0.05)
    yield Case(f"any {about} called better or worse", studies, _any(_differs(judged)), most=0.05)
    yield Case(f"any {about} with an uncorrected p <= .05", studies, _any(uncorrected))


def coarse_accuracies(rng: np.random.Generator, studies: int) -> Iterator[Case]:
    """Yield the same for variants of little deviation on 360 test images, where few seeds often differ by the same step.

    A plain t test reports certainty for equal differences, as it divides by their deviation, zero.
    """
    points = on_test_images(simulate(rng, studies, [0.0] * VARIANTS, 3))
    estimate = paired(points[:, 1:], points[:, :1])
    bare = np.where(estimate.constant & (estimate.mean != 0), 0.0, difference_p(estimate))
    about = f"any of {VARIANTS} without effect, 360 test images, 3 seeds"
    yield Case(f"{about}, called better or worse", studies, _any(_differs(judge(points))), most=0.05)
    yield Case(f"{about}, with a bare t test's Holm p <= .05", studies, _any(holm(bare) <= LEVEL))
    edge = on_test_images(simulate(rng, studies, [MARGIN / STEADY] * VARIANTS, SEEDS))
    name = f"any of {VARIANTS} at the margin's edge, 360 test images, called practically equal"
    yield Case(name, studies, _any(judge(edge) == "practically equal"), most=0.05)


def on_test_images(points: Floats, images: int = 360) -> Floats:
    """Return accuracies rounded to whole test images, with a deviation of 0.4 points instead of one."""
    steady = 90 + STEADY * (points - 90)
    return np.asarray(np.round(steady / 100 * images) / images * 100)


def power(rng: np.random.Generator, studies: int, variants: int, seeds: int) -> Case:
    """Return how often a variant better by two standard deviations is called better, among others without effect."""
    judged = judge(simulate(rng, studies, [2.0] + [0.0] * (variants - 1), seeds))
    among = "alone" if variants == 1 else f"among {variants} variants"
    rate = float(np.mean(judged[:, 0] == "better"))
    return Case(f"an effect of 2 standard deviations found, {among}, {seeds} seeds", studies, rate)


def false_equality(rng: np.random.Generator, studies: int, variants: int) -> Case:
    """Return how often a variant that differs by exactly the margin is called practically equal.

    The margin is four standard deviations, where the error rate is highest.
    """
    margin = 4.0
    judged = judge(simulate(rng, studies, [margin] * variants, SEEDS), margin)
    among = "a variant" if variants == 1 else f"any of {variants} variants"
    name = f"{among} at the margin's edge called practically equal"
    return Case(name, studies, _any(judged == "practically equal"), most=0.05)


def cases(studies: int, seed: int) -> Iterator[Case]:
    """Yield all cases, each drawn from a stream of its own."""
    streams = iter(np.random.default_rng(seed).spawn(11))
    for seeds in (3, 5, 10):
        yield coverage(next(streams), studies, seeds)
    yield from false_differences(next(streams), studies)
    yield from coarse_accuracies(next(streams), studies)
    for variants, seeds in ((1, 5), (VARIANTS, 5), (VARIANTS, 10)):
        yield power(next(streams), studies, variants, seeds)
    for variants in (1, VARIANTS):
        yield false_equality(next(streams), studies, variants)
    yield from resampled(next(streams), studies)


def _differs(judged: Hits) -> Hits:
    return np.isin(judged, ["better", "worse"])


def _any(hits: Hits) -> float:
    return float(np.mean(hits.any(axis=-1)))


def json_line(case: Case) -> str:
    return json.dumps({**asdict(case), "holds": case.holds})


def markdown(results: Sequence[Case]) -> str:
    """Return the table in docs/method.md."""
    rows = [f"| {case.name} | {case.percent} | {case.allowed} |" for case in results]
    head = [f"| simulated, {results[0].studies:,} studies each | rate | allowed |", "| --- | ---: | --- |"]
    return "\n".join(head + rows)


def show(results: Sequence[Case]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("simulated", "rate", "allowed", "holds", title=f"{results[0].studies:,} studies each")
    for case in results:
        table.add_row(case.name, case.percent, case.allowed, "yes" if case.holds else "NO")
    Console().print(table)


def main(arguments: Sequence[str] | None = None) -> int:
    return run("benchmarks.statistics", __doc__, MARKER, cases, arguments)


def run(
    program: str,
    about: str | None,
    marker: str,
    cases: Callable[[int, int], Iterable[Case]],
    arguments: Sequence[str] | None,
) -> int:
    """Simulate cases, print and write them; return 0 where all are within their limits."""
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=about)
    parser.add_argument("--json", action="store_true", help="print one JSON line per case instead of a table")
    parser.add_argument("--studies", type=int, default=10_000, help="simulated studies per case (10000)")
    parser.add_argument("--seed", type=int, default=0, help="the seed of the random numbers (0)")
    parser.add_argument("--write", type=Path, help="a Markdown file, to update the table between its markers")
    options = parser.parse_args(arguments)
    if options.studies < 1:
        parser.error(f"--studies must be 1 or more; received {options.studies}")
    results = list(cases(options.studies, options.seed))
    if options.json:
        print(*map(json_line, results), sep="\n")
    else:
        show(results)
    if options.write is not None:
        write_table(options.write, marker, markdown(results))
    return 0 if all(case.holds for case in results) else 1


if __name__ == "__main__":
    sys.exit(main())
