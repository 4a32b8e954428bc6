"""What a worker in another process is: an engine of its own, made on the terms of the process that asks."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import tensorflow as tf

from pipeline.engine.auto import Choice, Engine
from pipeline.engine.bookmarks import Checkpoints
from pipeline.engine.driver import Workshop
from pipeline.engine.environment import set_up
from pipeline.engine.views import Views
from pipeline.executors.parcels import Arrays, pack_trained, unpack_stack
from pipeline.executors.protocol import REPORT_EVERY, REPORTED_RUNS
from pipeline.records import Curves

Report = Callable[[str], None]  # takes the text of `pack_report`


@dataclass(frozen=True)
class Terms:
    """What decides a worker's numbers besides the stacks it gets and the data.

    `threads` is the size of TensorFlow's pool of threads, not a number of cores: it decides how sums are divided, so bits
    depend on it (docs/scale.md).
    """

    precision: str
    engine: Choice
    threads: int

    def pack(self) -> str:
        """Return these terms as text."""
        return json.dumps(asdict(self))

    @classmethod
    def unpack(cls, text: str) -> "Terms":
        """Return the terms that were packed."""
        return cls(**json.loads(text))


class Worker:
    """Trains packed stacks, one after the other; what it builds and compiles serves the next ones.

    `checkpoints`: where long trainings are kept now and then, None where there is no place.
    """

    def __init__(
        self, terms: Terms, views: Callable[[str], Views], checkpoints: Checkpoints | None = None
    ) -> None:
        set_threads(terms.threads)
        set_up(terms.precision)
        self._engine = Engine(Workshop(views), terms.engine, checkpoints=checkpoints)

    def train(self, packed: str, report: Report) -> tuple[str, Arrays]:
        """Train one stack; return its trained runs, packed. Tells `report` how far it is, not more than once a second."""
        return pack_trained(self._engine.train(unpack_stack(packed), _reporter(report)))


def set_threads(threads: int) -> None:
    """Fix the size of TensorFlow's pool of threads; `RuntimeError` where it has begun with another."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)


def pack_report(epochs: int, curves: Sequence[Curves]) -> str:
    """Return how far a stack is as text: of its first runs alone, so that its length is bounded."""
    return json.dumps({"epochs": epochs, "curves": list(curves[:REPORTED_RUNS])})


def unpack_report(text: str) -> tuple[int, list[Curves]]:
    """Return the epochs done and the curves so far that were packed."""
    plain = json.loads(text)
    return plain["epochs"], plain["curves"]


def _reporter(report: Report) -> Callable[[Sequence[Curves]], None]:
    done, reported = 0, float("-inf")

    def on_epoch(curves: Sequence[Curves]) -> None:
        nonlocal done, reported
        done += 1
        if time.monotonic() - reported >= REPORT_EVERY:
            reported = time.monotonic()
            report(pack_report(done, curves))

    return on_epoch
