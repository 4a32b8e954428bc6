"""Python's garbage collector, which looks at everything that is there each time that much has been made."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

ALLOCATIONS = 200_000
"""Between two collections of young objects, where rare; Python's own number is 700."""


@contextmanager
def rare_collections() -> Iterator[None]:
    """Collect garbage rarely, where many objects are made that stay: each collection costs more than it frees.

    Example:
        >>> with rare_collections():
        ...     import tensorflow  # in five sixths of the time
    """
    before = gc.get_threshold()
    gc.set_threshold(ALLOCATIONS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
