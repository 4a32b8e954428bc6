"""A published value as a params file writes it, and the numbers that it may stand for. No scipy."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Literal

Kind = Literal["is", "above", "below", "between"]


@dataclass(frozen=True)
class Published:
    """A published value: the value itself (`is`), a limit (`above`, `below`), or a range from `value` to `upper`.

    `decimals`: to how many it was rounded; None: to as many as it shows. `against` is the variant that a ratio is
    relative to; empty: the baseline.
    """

    value: float
    kind: Kind = "is"
    upper: float | None = None
    decimals: int | None = None
    against: str = ""

    @property
    def possible(self) -> tuple[float, float]:
        """The range of numbers that were rounded to this one, or that the limits allow."""
        least = -inf if self.kind == "below" else self.value - self._half(self.value)
        largest = self.value if self.upper is None else self.upper
        return least, inf if self.kind == "above" else largest + self._half(largest)

    def _half(self, value: float) -> float:
        decimals = shown_decimals(value) if self.decimals is None else self.decimals
        return (
            0.5 * 10.0**-decimals + abs(value) * 1e-12
        )  # the precision that a decimal number loses as a double

    def as_json(self) -> float | dict[str, float | str]:
        """Return the value as a params file writes it."""
        own = {"decimals": self.decimals, "against": self.against or None}
        about = {name: value for name, value in own.items() if value is not None}
        if self.kind == "between" and self.upper is not None:
            return {"above": self.value, "below": self.upper, **about}
        if self.kind == "is" and not about:
            return self.value
        return {"value" if self.kind == "is" else self.kind: self.value, **about}

    @classmethod
    def from_json(cls, raw: object, decimals: int | None = None) -> "Published | None":
        """Return a value as a params file writes it; None for anything else. `decimals`: those of the whole reference."""
        if isinstance(raw, int | float) and not isinstance(raw, bool):
            return cls(float(raw), decimals=decimals)
        published = _from_mapping(raw) if isinstance(raw, Mapping) else None
        if published is None or published.decimals is not None:
            return published
        return replace(published, decimals=decimals)


def _from_mapping(raw: Mapping[str, Any]) -> Published | None:
    value, above, below = (raw.get(key) for key in ("value", "above", "below"))
    published = None
    if value is not None:
        published = Published(float(value))
    elif above is not None and below is not None:
        published = Published(float(above), "between", float(below))
    elif above is not None:
        published = Published(float(above), "above")
    elif below is not None:
        published = Published(float(below), "below")
    about: dict[str, Any] = {"decimals": raw.get("decimals"), "against": raw.get("against") or ""}
    return None if published is None else replace(published, **about)


def shown_decimals(value: float) -> int:
    """Return the number of decimals in the shortest form of a number: 3 for 0.843, 0 for 2."""
    text = repr(float(value))
    if "e" in text:
        mantissa, _, exponent = text.partition("e")
        return max(0, len(mantissa.partition(".")[2].rstrip("0")) - int(exponent))
    return len(text.partition(".")[2].rstrip("0"))
