"""The unit results are shown in: accuracies in per cent and points, losses as they are."""

from dataclasses import dataclass
from typing import Self

from pipeline.core.metrics import higher_is_better
from pipeline.result_files.schema import Ablation, Replicate
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
    def label(self) -> str:
        """The title of an axis or a column."""
        return f"test {self.metric}" + (f" ({self.unit})" if self.unit else "")

    @property
    def step_label(self) -> str:
        """The title of an axis of differences."""
        return f"difference in test {self.metric}" + (f" ({self.step_unit})" if self.step_unit else "")

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


def measure(ablation: Ablation) -> Measure:
    """Return the measure an ablation is judged by."""
    return shown_as(ablation.metric)


def shown_as(metric: str) -> Measure:
    """Return how a metric of any name is shown, by what it measures: `val_accuracy` in per cent."""
    return ACCURACY if higher_is_better(metric) else LOSS


def margin(ablation: Ablation) -> float:
    """Return the margin of equivalence in the stored unit: params give percentage points for accuracy."""
    return ablation.margin / measure(ablation).factor
