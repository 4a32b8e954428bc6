"""Values as text for readers."""

import json
from typing import Any

MISSING = "–"
"""The text of a missing value; pages sort it below every number."""


def plain(value: Any) -> str:
    """Return a recipe's value as text: names bare, numbers short, null as `none`, the rest as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return "none"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict) and set(value) == {"name"}:
        return plain(value["name"])
    return json.dumps(value, ensure_ascii=False)


def number(value: float) -> str:
    """Return a number with three significant digits: 0.00123, 1.2e-05, 3,140,000."""
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:.3g}"


def p_value(p: float) -> str:
    """Return a p value with two digits, or `< .001`."""
    return "< .001" if p < 0.001 else f"{p:.3f}".lstrip("0") if p < 0.1 else f"{p:.2f}".lstrip("0")


def shortened(text: str, length: int) -> str:
    """Return `text`, its middle cut out where it is longer than `length`."""
    if len(text) <= length:
        return text
    head = (length - 1) * 2 // 3
    return f"{text[:head]}…{text[len(text) - (length - 1 - head) :]}"


def value_at(recipe: Any, path: str) -> Any:
    """Return the value at a dotted path, the longest keys first; None where there is none."""
    if not isinstance(recipe, dict):
        return None
    if path in recipe:
        return recipe[path]
    head, _, rest = path.partition(".")
    return value_at(recipe[head], rest) if rest and head in recipe else None
