"""Numbers as YAML has them: `true` and `false` are none, though Python counts them among the integers."""

from typing import TypeGuard


def is_integer(value: object) -> TypeGuard[int]:
    """Return whether `value` is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[int | float]:
    """Return whether `value` is a number, whole or not."""
    return isinstance(value, float) or is_integer(value)
