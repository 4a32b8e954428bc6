"""A worker in another process: an engine of its own, with the config of the process that started it."""

import time
from collections.abc import Callable, Sequence
from itertools import count

import tensorflow as tf

from pipeline.core.machine import resident
from pipeline.engine.checkpoints import Checkpoints
from pipeline.engine.datasets import DatasetViews
from pipeline.engine.environment import set_up
from pipeline.engine.jobs import OnEpoch
from pipeline.engine.model_cache import ModelCache
from pipeline.engine.stacks import Engine
from pipeline.executors.messages import EpochReport, Trained
from pipeline.executors.protocol import REPORTED_RUNS
from pipeline.executors.serialization import pack_trained, unpack_stack
from pipeline.executors.settings import WorkerConfig
from pipeline.runs.records import Curves

REPORT_EVERY = 1.0
"""Seconds, at least, between two reports about one stack."""


class Worker:
    """Trains packed stacks, one after the other; what it builds and compiles is used again for the next ones.

    `checkpoints`: where long trainings are saved from time to time, None where there is no place for them.
    """

    def __init__(
        self,
        config: WorkerConfig,
        views: Callable[[str], DatasetViews],
        checkpoints: Checkpoints | None = None,
    ) -> None:
        set_threads(config.threads)
        set_up(config.precision)
        self._engine = Engine(ModelCache(views), config.engine, checkpoints=checkpoints)

    def train(self, packed: bytes, report: Callable[[EpochReport], None]) -> Trained:
        """Train one stack; `report` is called at most once a second, after an epoch."""
        runs, arrays = pack_trained(self._engine.train(unpack_stack(packed), _reporter(report)))
        return Trained(runs, arrays, resident())


def set_threads(threads: int) -> None:
    """Fix the size of TensorFlow's thread pool; raises `RuntimeError` where TensorFlow has started with another size."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)


def _reporter(report: Callable[[EpochReport], None]) -> OnEpoch:
    epochs, reported = count(1), float("-inf")

    def on_epoch(curves: Sequence[Curves]) -> None:
        nonlocal reported
        done = next(epochs)
        if time.monotonic() - reported >= REPORT_EVERY:
            reported = time.monotonic()
            report(EpochReport(done, list(curves[:REPORTED_RUNS])))

    return on_epoch
