"""Stacks trained in this process: small ones at the same time in threads, then large ones, which use all cores, in turn."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain, count
from typing import Self

from pipeline.engine.jobs import OnEpoch, TrainedRun
from pipeline.engine.stacks import Engine, Stack
from pipeline.engine.workers import Workers
from pipeline.executors.protocol import StackListener
from pipeline.runs.records import Curves


class LocalExecutor:
    """Trains with one engine, whose templates and programs are used for all stacks."""

    def __init__(self, engine: Engine, precision: str) -> None:
        self.engine, self.precision = engine, precision

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def train(self, stacks: Sequence[Stack], listener: StackListener) -> Iterator[list[TrainedRun]]:
        """See `Executor`."""
        small = [stack for stack in stacks if stack.small]
        large = [stack for stack in stacks if not stack.small]
        workers = Workers(self.precision)
        train = partial(self._train, workers, listener)
        yield from chain(workers.each(train, small), map(train, large))

    def _train(self, workers: Workers, listener: StackListener, stack: Stack) -> list[TrainedRun]:
        listener.started(stack, "")
        try:
            trained = self.engine.train(stack, _reporter(workers, listener, stack))
        except BaseException:
            listener.lost(stack, "")
            raise
        listener.finished(stack)
        return trained


def _reporter(workers: Workers, listener: StackListener, stack: Stack) -> OnEpoch:
    epochs = count(1)

    def on_epoch(curves: Sequence[Curves]) -> None:
        workers.raise_if_cancelled()
        listener.epoch(stack, next(epochs), curves)

    return on_epoch
