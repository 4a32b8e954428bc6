"""Stacks trained at the same time: small ones leave cores idle, since XLA runs each on one thread and tracing is Python.

Threads suffice: training releases Python's lock, and they share data, templates and TensorFlow's start.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event
from typing import TypeVar

import keras

from pipeline.core.machine import cores

Item = TypeVar("Item")
Result = TypeVar("Result")


class CancelledError(Exception):
    """Raised inside a thread when its result is no longer needed."""


class Workers:
    """Threads that work on many items, several at a time; after an error or Ctrl-C unfinished work stops soon."""

    def __init__(self, precision: str) -> None:
        self.precision = precision
        self._cancelled = Event()

    def each(self, work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Yield `work(item)` for all `items`, in the order in which they are done."""
        # Keras keeps its dtype policy per thread.
        pool = ThreadPoolExecutor(
            cores(), initializer=keras.config.set_dtype_policy, initargs=(self.precision,)
        )
        futures = [pool.submit(work, item) for item in items]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            self._cancelled.set()
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def raise_if_cancelled(self) -> None:
        """Raise `CancelledError` where the work is to stop; to be called from within it now and then."""
        if self._cancelled.is_set():
            raise CancelledError
