"""Stacks trained in this process: small ones side by side in threads, then large ones, which use all cores, in turn."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Self

from pipeline.engine.auto import Engine, Stack
from pipeline.engine.protocol import OnEpoch, TrainedRun
from pipeline.engine.workers import Workers
from pipeline.executors.protocol import Watch
from pipeline.records import Curves


class LocalExecutor:
    """Trains with one engine, whose templates and programs serve all stacks."""

    def __init__(self, engine: Engine, precision: str) -> None:
        self.engine, self.precision = engine, precision

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def train(self, stacks: Sequence[Stack], watch: Watch) -> Iterator[list[TrainedRun]]:
        """See `Executor`."""
        small = [stack for stack in stacks if stack.small]
        large = [stack for stack in stacks if not stack.small]
        workers = Workers(self.precision)
        work = partial(self._train, workers, watch)
        yield from chain(workers.each(work, small), map(work, large))

    def _train(self, workers: Workers, watch: Watch, stack: Stack) -> list[TrainedRun]:
        watch.started(stack, "")
        try:
            trained = self.engine.train(stack, _reporter(workers, watch, stack))
        except BaseException:
            watch.lost(stack, "")
            raise
        watch.finished(stack)
        return trained


def _reporter(workers: Workers, watch: Watch, stack: Stack) -> OnEpoch:
    done = 0

    def on_epoch(curves: Sequence[Curves]) -> None:
        nonlocal done
        workers.go_on()
        done += 1
        watch.epoch(stack, done, curves)

    return on_epoch
