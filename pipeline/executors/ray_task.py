"""What runs on a node of a Ray cluster: one stack is one task, which yields reports and then its outcome.

TensorFlow is imported within functions: only when Ray has prepared the process, and where a failed import is reported.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.executors.messages import EpochReport, Failed, Message, Started, Trained
from pipeline.executors.settings import WorkerConfig

if TYPE_CHECKING:
    from pipeline.engine.datasets import DatasetViews
    from pipeline.executors.worker import Worker

WAIT = 0.5
"""Seconds between two looks for a report."""
_views: "dict[str, DatasetViews]" = {}


def train_remotely(
    config: WorkerConfig, dataset: str, data: Mapping[str, Any], packed: bytes
) -> Iterator[Message]:
    """Yield on which node a stack trains, its progress, and its trained runs, packed, or why there are none.

    Ray keeps the process for the next task, so the engine and the data stay for it.
    """
    import ray

    yield Started(ray.get_runtime_context().get_node_id())
    reports: deque[EpochReport] = deque(maxlen=1)  # a newer one replaces one that was not fetched
    with ThreadPoolExecutor(1) as pool:  # this thread yields while the other trains
        training = pool.submit(_train, config, dataset, data, packed, reports.append)
        while not training.done():
            wait([training], WAIT)
            if reports:
                yield reports.popleft()
        yield _outcome(training)


def _train(
    config: WorkerConfig,
    dataset: str,
    data: Mapping[str, Any],
    packed: bytes,
    report: Callable[[EpochReport], None],
) -> Trained:
    import keras

    from pipeline.executors.serialization import unpack_data

    if dataset not in _views:
        _views.clear()  # one data set at a time, as everywhere
        _views[dataset] = unpack_data(data)
    worker = _worker(config)
    keras.config.set_dtype_policy(config.precision)  # Keras keeps it per thread
    return worker.train(packed, report)


@cache
def _worker(config: WorkerConfig) -> "Worker":
    from pipeline.executors.worker import Worker

    os.environ["DVC_ROOT"] = str(Path.cwd())  # where Ray put the project's own classes
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    return Worker(config, _views.__getitem__)


def _outcome(training: "Future[Trained]") -> Trained | Failed:
    error = training.exception()
    return training.result() if error is None else Failed.of(error)
