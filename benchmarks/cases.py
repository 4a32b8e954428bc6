"""One simulated event, its rate, and the limits within which it has to be."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One simulated event: its `rate` among `studies`, and the least and the greatest rate allowed."""

    name: str
    studies: int
    rate: float
    least: float | None = None
    most: float | None = None

    @property
    def error(self) -> float:
        """Two standard errors of the rate: the error of the simulation itself."""
        return float(2 * (self.rate * (1 - self.rate) / self.studies) ** 0.5)

    @property
    def holds(self) -> bool:
        """Whether the rate is within its limits.

        A test's error rate may equal its level, so an upper limit without a lower one is widened by the simulation's error.
        """
        above = self.least is None or self.rate >= self.least
        below = self.most is None or self.rate <= self.most + (self.error if self.least is None else 0.0)
        return above and below

    @property
    def allowed(self) -> str:
        """The limits in words; empty for a rate that is shown for comparison."""
        least, most = (None if end is None else f"{100 * end:.0f} %" for end in (self.least, self.most))
        if most is None:
            return "" if least is None else f"at least {least}"
        return f"at most {most}" if least is None else f"{least} to {most}"

    @property
    def percent(self) -> str:
        """The rate in per cent, with its error."""
        return f"{100 * self.rate:.1f} % ± {100 * self.error:.1f}"
