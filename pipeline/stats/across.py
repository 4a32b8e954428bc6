"""One answer across several data sets: Student's t over the differences, one for each data set, all with equal weight.

With few data sets that covers the mean of data sets like these in 96 % of cases, where the usual methods of meta-analysis
cover it in 86 to 90 (docs/method.md). Below three data sets there is no verdict.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.stats.looks import LEVEL, Verdict, interval
from pipeline.stats.student import difference_p, equivalence_p, holm, paired

FEWEST = 3


@dataclass(frozen=True)
class Across:
    """A variant's mean difference over `n` data sets with its 95 % interval, p and verdict; without the last below three."""

    mean: float
    low: float | None
    high: float | None
    p: float | None
    verdict: Verdict
    n: int

    def sentence(self, variant: str) -> str:
        """Return the result in words."""
        if self.p is None or self.low is None or self.high is None:
            return f"Across {self.n} data sets {variant} differs by {self.mean:+.3g}: fewer than three allow no verdict."
        ends = f"[{self.low:+.3g}, {self.high:+.3g}]"
        return f"Across {self.n} data sets {variant} is {self.verdict}: {self.mean:+.3g} {ends}, p = {self.p:.2g}."


def across(
    differences: Mapping[str, Sequence[float]], margin: float, higher_is_better: bool = True
) -> dict[str, Across]:
    """Return the answer for each variant, from its mean differences from the baseline, one for each data set.

    Variants are corrected for each other by Holm's method.

    Example:
        >>> across({"selu": [0.4, 0.6, 0.5]}, margin=0.2)["selu"].verdict
    """
    sizes = {name: len(values) for name, values in differences.items()}
    tested = [name for name, size in sizes.items() if size >= FEWEST]
    estimates = {name: paired(differences[name], np.zeros(sizes[name])) for name in tested}
    p = holm([float(difference_p(estimates[name])) for name in tested])
    equal = holm([float(equivalence_p(estimates[name], margin)) for name in tested])
    results: dict[str, Across] = {}
    for name, values in differences.items():
        mean = float(np.mean(values))
        if name not in tested:
            results[name] = Across(mean, None, None, None, "inconclusive", sizes[name])
            continue
        place = tested.index(name)
        ends = interval(estimates[name], LEVEL)
        verdict = _verdict(mean, p[place], equal[place], higher_is_better)
        results[name] = Across(mean, ends.low, ends.high, float(p[place]), verdict, sizes[name])
    return results


def _verdict(mean: float, p: Any, p_equal: Any, higher_is_better: bool) -> Verdict:
    if p_equal <= LEVEL:
        return "practically equal"
    if p > LEVEL:
        return "inconclusive"
    return "better" if (mean > 0) == higher_is_better else "worse"
