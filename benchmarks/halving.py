"""How good a search's choice is with `stop: halving`.

`python -m benchmarks.halving [--write docs/method.md] [--study FOLDER]`

Invented searches, whose trials have known true values and noisy curves, are judged by the rule that ends real trials; with
`--study` also the searches of a finished study, from the curves in its store (of trials trained to their end).
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.documents import write_table
from pipeline.core.metrics import Metric
from pipeline.params.types.tune import FEWEST_TO_STOP
from pipeline.result_files.read import read
from pipeline.search.halving import cost, cuts, standing, survivors
from pipeline.store import Store

MARKER = "halving"
SCORE = Metric("score", higher_is_better=True)
EPOCHS = 20
NOISE = 0.4
"""Standard deviation of one epoch's validation accuracy, in points: about that of 2,500 images."""
LUCK = 0.2
"""Standard deviation of what a trial's seed adds, in points."""


@dataclass(frozen=True)
class Case:
    """Choices compared: points lost against the best trial, on average and in the worst twentieth, to the end and halved."""

    name: str
    searches: int
    part: float
    same: float
    whole: tuple[float, float]
    halved: tuple[float, float]


def invented(random: np.random.Generator, trials: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the true values of a search's trials, in points, and their curves `[trials, epochs]`.

    Learning rates over four decades: too large ones end lower, too small ones are slow and end unfinished.
    """
    rates = (np.arange(trials) + random.uniform(0, 1, trials)) / trials * 4 - 4
    best, width = random.uniform(-3.2, -0.8), random.uniform(1.0, 6.0)
    speed = 0.6 * 10 ** (0.7 * (rates - best)) * random.uniform(0.5, 2.0)
    ends = 96 - width * np.maximum(0, rates - best) ** 2 - 0.3 * width * np.minimum(0, rates - best) ** 2
    epochs = np.arange(1, EPOCHS + 1)
    true = ends[:, None] - 40 * np.exp(-np.minimum(speed[:, None], 3.0) * epochs**0.7)
    luck = random.normal(0, LUCK, (trials, 1))
    return true[:, -1], true + luck + random.normal(0, NOISE, true.shape)


def halve(curves: Sequence[Sequence[float]]) -> list[int]:
    """Return which trials are trained to the end, by the rule of `pipeline.search.halving`."""
    alive, places = list(range(len(curves))), cuts(len(curves), len(curves[0]))
    for cut, place in enumerate(places):
        kept = survivors(len(curves), cut, len(places))
        how = {trial: standing([{"val_score": list(curves[trial][:place])}], SCORE) for trial in alive}
        alive = sorted(alive, key=how.__getitem__, reverse=True)[:kept]
    return alive


def compare(
    name: str,
    searches: int,
    trials: int,
    draw: Callable[[], tuple[Sequence[float], Sequence[Sequence[float]]]],
) -> Case:
    """Return how the choices of `searches` searches compare."""
    lost: dict[str, list[float]] = {"whole": [], "halved": []}
    same = 0
    for _ in range(searches):
        true, curves = draw()
        chosen = {
            "whole": max(range(len(curves)), key=lambda trial: curves[trial][-1]),
            "halved": max(halve(curves), key=lambda trial: curves[trial][-1]),
        }
        same += chosen["whole"] == chosen["halved"]
        for how, trial in chosen.items():
            lost[how].append(float(max(true) - true[trial]))
    whole, halved = ((float(np.mean(values)), float(np.quantile(values, 0.95))) for values in lost.values())
    return Case(name, searches, cost(trials, len(curves[0])), same / searches, whole, halved)


def invented_cases(searches: int) -> Iterator[Case]:
    """Yield a case for each number of trials."""
    for trials in (6, 10, 20):
        random = np.random.default_rng(trials)
        yield compare(f"invented, {trials} trials", searches, trials, lambda: invented(random, trials))  # noqa: B023


def stored_case(folder: Path) -> Case | None:
    """Return the case of a finished study's searches; its true values are the scores of trials, with their noise."""
    store, entries = Store(folder / ".runs"), []
    for path in sorted((folder / "results").iterdir()):
        ablation = read(path.parent, path.name)
        name = ablation.tune.monitor if ablation.tune else ""
        for variant in ablation.variants:
            records = [store.runs.get(trial.run_key) for trial in variant.trials]
            curves = [
                [100 * v for v in r.curves[name]] for r in records if r is not None and r.curves.get(name)
            ]
            if len(curves) == len(records) >= FEWEST_TO_STOP and len({len(curve) for curve in curves}) == 1:
                entries.append(([curve[-1] for curve in curves], curves))
    if not entries:
        return None
    drawn = iter(entries)
    trials = len(entries[0][0])
    return compare(
        f"{len(entries)} searches of {folder.resolve().name}", len(entries), trials, lambda: next(drawn)
    )


def markdown(cases: Sequence[Case]) -> str:
    """Return the table in docs/method.md."""
    head = [
        "| searches | epochs trained | same choice | points lost, trained to the end | points lost, halved |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    rows = [
        f"| {case.name} | {case.part:.0%} | {case.same:.0%} | {case.whole[0]:.2f} ({case.whole[1]:.2f}) "
        f"| {case.halved[0]:.2f} ({case.halved[1]:.2f}) |"
        for case in cases
    ]
    return "\n".join(head + rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.halving", description=__doc__)
    parser.add_argument("--searches", type=int, default=5000, help="invented searches a case (5000)")
    parser.add_argument(
        "--study", type=Path, help="the folder of a finished study, whose searches are judged too"
    )
    parser.add_argument("--write", type=Path, help="a Markdown file, to update the table between its markers")
    options = parser.parse_args(arguments)
    cases = list(invented_cases(options.searches))
    if options.study and (stored := stored_case(options.study)):
        cases.append(stored)
    print(markdown(cases))
    if options.write:
        write_table(options.write, MARKER, markdown(cases))
    return 0


if __name__ == "__main__":
    sys.exit(main())
