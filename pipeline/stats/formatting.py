"""The format of numbers, p values and lists in sentences and tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10

from pipeline.core.text import in_words
from pipeline.stats.intervals import Interval

LISTED = 3
"""The number of names that are listed before the rest are only counted."""


@dataclass(frozen=True)
class MetricFormat:
    """The format of the values and differences of one metric.

    A fraction is written in per cent and percentage points, any other in its own unit. `decimals`: of all values and
    differences, so that sentences agree with a table; None: one decimal for per cent and points, and else three digits for
    values and two for differences.

    Example: `MetricFormat("test_accuracy", is_fraction=True).value(0.973)` is `97.3 %`.
    """

    metric: str
    is_fraction: bool = False
    decimals: int | None = None

    @property
    def name(self) -> str:
        """The name of the metric in words: `test accuracy`."""
        return in_words(self.metric).replace("val ", "validation ")

    def value(self, value: float) -> str:
        """Return a value of the metric: `97.3 %`, `0.0812`."""
        if self.is_fraction:
            return f"{100 * value:.{1 if self.decimals is None else self.decimals}f} %"
        return f"{value:.3g}" if self.decimals is None else f"{value:.{self.decimals}f}"

    def values(self, interval: Interval) -> str:
        """Return a mean and its interval: `97.3 % (95 % interval 97.0 % to 97.6 %)`."""
        if interval.low is None or interval.high is None:
            return self.value(interval.mean)
        low, high = interval.low, interval.high
        if self.is_fraction:  # a t interval may go beyond 0 and 100 %
            low, high = max(low, 0.0), min(high, 1.0)
        ends = f"{self.value(low)} to {self.value(high)}"
        return f"{self.value(interval.mean)} (95 % interval {ends})"

    def amount(self, difference: float) -> str:
        """Return a difference with its unit: `1.3 points`, `0.012`."""
        return self._amount(difference, self._decimals(difference)) + self._unit

    def limit(self, difference: float) -> str:
        """Return a difference that was given, not measured, with its unit and no more digits than it has: `0.2 points`."""
        return f"{100 * difference if self.is_fraction else difference:.3g}{self._unit}"

    def amounts(self, difference: Interval) -> str:
        """Return a difference and the interval that its verdict goes by: `1.3 points (interval 0.6 to 2.0)`."""
        decimals = self._decimals(difference.mean)
        mean = self._amount(difference.mean, decimals) + self._unit
        if difference.low is None or difference.high is None:
            return mean
        low, high = (self._amount(end, decimals) for end in (difference.low, difference.high))
        return f"{mean} (interval {low} to {high})"

    @property
    def _unit(self) -> str:
        return " points" if self.is_fraction else ""

    def _amount(self, difference: float, decimals: int) -> str:
        text = f"{100 * difference if self.is_fraction else difference:.{decimals}f}"
        return text.removeprefix("-") if float(text) == 0 else text

    def _decimals(self, difference: float) -> int:
        """Return how many decimals: by default more than usual where those would show only zeros."""
        if self.decimals is not None:
            return self.decimals
        fewest, digits, most = (1, 1, 3) if self.is_fraction else (0, 2, 6)
        size = abs(100 * difference) if self.is_fraction else abs(difference)
        return fewest if size == 0 else min(max(fewest, digits - 1 - floor(log10(size))), most)


def p_text(p: float) -> str:
    """Return a p value in text: `p = .004`, `p < .001`, `p = 1`."""
    if p < 0.001:
        return "p < .001"
    return "p = 1" if p > 0.9995 else f"p = {p:.3f}".replace("0.", ".", 1)


def listed(names: Sequence[str], most: int = LISTED) -> str:
    """Return names as a list in a sentence: `a`, `a and b`, `a, b, c and 4 more`."""
    shown = list(names[:most])
    if len(names) > most:
        shown.append(f"{len(names) - most} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
