"""The unit results are shown in: fractions in per cent and points, other metrics as they are."""

from dataclasses import dataclass, replace
from math import floor, log10
from statistics import fmean
from typing import Self

from pipeline.core.metrics import Metric, plain_name
from pipeline.core.text import in_words
from pipeline.result_files.schema import KNOWN, Ablation, Replicate
from pipeline.stats.intervals import Interval

HUGE = 1e6


@dataclass(frozen=True)
class Estimate:
    """A mean and the ends of the interval around it, if it has one, in the unit that is shown."""

    mean: float
    ends: tuple[float, float] | None

    @classmethod
    def of(cls, interval: Interval, factor: float = 1.0) -> Self:
        """Return an interval, times `factor`."""
        if interval.low is None or interval.high is None:
            return cls(interval.mean * factor, None)
        return cls(interval.mean * factor, (interval.low * factor, interval.high * factor))


@dataclass(frozen=True)
class Measure:
    """A test metric and how pages show it: times `factor`, in `unit`; differences are in `step_unit`."""

    metric: str
    factor: float
    unit: str
    step_unit: str
    decimals: int
    higher_is_better: bool

    @property
    def key(self) -> str:
        """The metric's name in a replicate's metrics."""
        return f"test_{self.metric}"

    @property
    def name(self) -> str:
        """The metric in words: `mean absolute error`."""
        return in_words(self.metric)

    @property
    def label(self) -> str:
        """The title of an axis or a column."""
        return f"test {self.name}" + (f" ({self.unit})" if self.unit else "")

    @property
    def step_label(self) -> str:
        """The title of an axis of differences."""
        return f"difference in test {self.name}" + (f" ({self.step_unit})" if self.step_unit else "")

    def of(self, replicate: Replicate) -> float | None:
        """Return what a replicate measured, as stored, or None where it diverged or measured nothing."""
        return replicate.metrics.get(self.key) if replicate.outcome == "finished" else None

    def text(self, value: float) -> str:
        """Return a stored value in the shown unit, with this measure's decimals and no unit."""
        return _fixed(value * self.factor, self.decimals)

    def bound(self, value: float) -> str:
        """Return an end of a value's interval; a fraction's is cut to 0 and 100 %, which t intervals can exceed."""
        return self.text(min(max(value, 0.0), 1.0) if self.factor == ACCURACY.factor else value)

    def step(self, value: float) -> str:
        """Return a stored difference in the shown unit, with a sign unless it is zero."""
        text = _fixed(value * self.factor, self.decimals)
        sign = "+" if float(text) > 0 else ""
        return sign + (text.lstrip("-") if float(text) == 0 else text.replace("-", "−"))

    def interval(self, difference: Interval | None) -> str:
        """Return a stored difference and its interval as `+0.52 [+0.11, +0.93]`; empty for none."""
        if difference is None:
            return ""
        if difference.low is None or difference.high is None:
            return self.step(difference.mean)
        return f"{self.step(difference.mean)} [{self.step(difference.low)}, {self.step(difference.high)}]"

    def scaled(self, interval: Interval) -> Estimate:
        """Return a stored mean, or a difference of means, with its interval in the shown unit."""
        return Estimate.of(interval, self.factor)


def _fixed(value: float, decimals: int) -> str:
    """Return a number with that many decimals, or in scientific notation where a loss exploded."""
    return f"{value:.{decimals}f}" if abs(value) < HUGE else f"{value:.2e}"


ACCURACY = Measure("accuracy", 100.0, "%", "points", 2, True)
LOSS = Measure("loss", 1.0, "", "", 4, False)
DIGITS = 4
"""Digits of values that are not fractions."""
MOST_POINT_DECIMALS = 4


def measure(ablation: Ablation) -> Measure:
    """Return the measure an ablation is judged by."""
    return shown_as(ablation, ablation.metric)


def shown_as(ablation: Ablation | None, name: str) -> Measure:
    """Return how a metric of an ablation is shown, by its name on any part of the data: `val_accuracy` in per cent.

    Without an ablation, only accuracy and loss are known.
    """
    metric = measured(ablation, name)
    if metric.is_fraction:
        decimals = _point_decimals(ablation)
        return replace(
            ACCURACY, metric=metric.name, higher_is_better=metric.higher_is_better, decimals=decimals
        )
    if metric.name == LOSS.metric:
        return replace(LOSS, decimals=min(LOSS.decimals, _decimals(ablation, metric)))
    return Measure(metric.name, 1.0, "", "", _decimals(ablation, metric), metric.higher_is_better)


def measured(ablation: Ablation | None, name: str) -> Metric:
    """Return the metric of an ablation with a name; without an ablation, accuracy or else loss."""
    if ablation is None:
        return KNOWN.get(plain_name(name), KNOWN[LOSS.metric])
    return ablation.measured(name)


def _point_decimals(ablation: Ablation | None) -> int:
    """Return how many decimals show points: those of the margin's first digit, and one more, where it is in points."""
    if ablation is None or ablation.relative or ablation.margin <= 0:
        return ACCURACY.decimals
    if not ablation.measured(ablation.metric).is_fraction:
        return ACCURACY.decimals
    return min(max(1, 1 - floor(log10(ablation.margin))), MOST_POINT_DECIMALS)


def _decimals(ablation: Ablation | None, metric: Metric) -> int:
    """Return how many decimals show a metric with `DIGITS` digits, by its typical size in an ablation."""
    sizes = sorted(
        abs(value)
        for variant in (ablation.variants if ablation else ())
        for replicate in variant.replicates
        for name, value in replicate.metrics.items()
        if plain_name(name) == metric.name and value
    )
    return max(0, min(6, DIGITS - 1 - floor(log10(sizes[len(sizes) // 2])))) if sizes else DIGITS


def margin(ablation: Ablation) -> float:
    """Return the margin of equivalence in the stored unit: params give points for fractions, or a part of the baseline."""
    if not ablation.relative:
        return ablation.margin / measure(ablation).factor
    key = measure(ablation).key
    values = [
        run.metrics[key] for run in ablation.variant(ablation.baseline).replicates if key in run.metrics
    ]
    return ablation.margin * abs(fmean(values)) if values else 0.0


def margin_text(ablation: Ablation) -> str:
    """Return the margin of equivalence in words: `0.2 points`, or `2 % of the baseline's mean`."""
    if ablation.relative:
        return f"{100 * ablation.margin:g} % of the baseline's mean"
    return f"{ablation.margin} {measure(ablation).step_unit}".rstrip()
