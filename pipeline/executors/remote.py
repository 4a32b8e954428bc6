"""What runs on a node of a Ray cluster: one stack is one task, which tells how far it is and then what came of it."""

import os
import traceback
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from pipeline.errors import UserError
from pipeline.executors.machine import resident

WAIT = 0.5  # seconds between two looks for news
_workers: dict[str, Any] = {}
_data: dict[str, Any] = {}


def train_remotely(
    terms: str, dataset: str, data: Mapping[str, Any], packed: str
) -> Iterator[dict[str, Any]]:
    """Yield where a stack trains, how far it is, and its trained runs, packed, or why there are none.

    Ray keeps a process for the next task, so engine and data stay for it.
    """
    import ray

    yield {"node": ray.get_runtime_context().get_node_id(), "pid": os.getpid()}
    news: Queue[str] = Queue(maxsize=1)
    with ThreadPoolExecutor(1) as pool:  # this thread yields while the other trains
        training = pool.submit(_train, terms, dataset, data, packed, news)
        while not training.done():
            wait([training], WAIT)
            try:
                yield {"report": news.get_nowait()}
            except Empty:
                continue
        yield _outcome(training)


def _train(
    terms: str, dataset: str, data: Mapping[str, Any], packed: str, news: "Queue[str]"
) -> tuple[str, list[Any]]:
    import keras

    worker = _worker(terms, dataset, data)
    keras.config.set_dtype_policy(_terms(terms).precision)  # Keras keeps it per thread

    def report(text: str) -> None:
        with suppress(Empty):
            news.get_nowait()  # what nobody fetched is out of date
        news.put_nowait(text)

    return worker.train(packed, report)  # type: ignore[no-any-return]


def _worker(terms: str, dataset: str, data: Mapping[str, Any]) -> Any:
    from pipeline.executors.parcels import unpack_data
    from pipeline.executors.worker import Worker

    if dataset not in _data:
        _data.clear()  # one data set at a time, as everywhere
        _data[dataset] = unpack_data(data)
    if terms not in _workers:
        os.environ["DVC_ROOT"] = str(Path.cwd())  # where Ray put the project's own classes
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        _workers[terms] = Worker(_terms(terms), _data.__getitem__)
    return _workers[terms]


def _terms(text: str) -> Any:
    from pipeline.executors.worker import Terms

    return Terms.unpack(text)


def _outcome(training: "Future[tuple[str, list[Any]]]") -> dict[str, Any]:
    error = training.exception()
    if error is None:
        text, arrays = training.result()
        return {"trained": text, "arrays": arrays, "held": resident()}
    said = str(error) if isinstance(error, UserError) else "".join(traceback.format_exception(error))
    return {"failed": {"kind": "user" if isinstance(error, UserError) else "fault", "text": said}}
