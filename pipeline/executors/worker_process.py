"""A worker process from the inside: it gets stacks through a pipe, and ends as soon as the process that started it ends."""

import os
import signal
import sys
import threading
from multiprocessing import connection, parent_process
from multiprocessing.connection import Connection

from pipeline.core.garbage import rare_collections
from pipeline.executors.messages import Failed, Message
from pipeline.executors.settings import ProcessSettings


def serve(pipe: Connection, settings: ProcessSettings) -> None:
    """Train every stack that comes through `pipe`, until the pipe is closed."""
    # Ctrl-C reaches the whole group of processes; the parent ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_parent()
    _redirect_output(settings)
    _bind(settings)
    try:
        _train_all(pipe, settings)
    except (EOFError, BrokenPipeError):
        return


def _end_with_parent() -> None:
    """Wait for the parent's end in a thread: Linux closes a pipe then, however the parent ended."""
    parent = parent_process()
    if parent is None:
        raise RuntimeError("a worker process is started by multiprocessing")

    def wait_for_parent() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=wait_for_parent, name="parent", daemon=True).start()


def _redirect_output(settings: ProcessSettings) -> None:
    """Send what this process prints to its log, TensorFlow's native messages too."""
    settings.log.parent.mkdir(parents=True, exist_ok=True)
    with settings.log.open("wb") as log:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)


def _bind(settings: ProcessSettings) -> None:
    """Bind this process to its cores and its GPU, before TensorFlow starts."""
    if settings.cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, settings.cores)
    if settings.gpu is not None:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        gpus = visible.split(",") if visible else None
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus[settings.gpu] if gpus else str(settings.gpu)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def _train_all(pipe: Connection, settings: ProcessSettings) -> None:
    with rare_collections():  # TensorFlow starts here
        from pipeline.engine.datasets import DatasetCache
        from pipeline.executors.serialization import pack_message
        from pipeline.executors.worker import Worker
        from pipeline.store import Store

    def send(message: Message) -> None:
        pipe.send_bytes(pack_message(message))

    worker = Worker(settings.config, DatasetCache(settings.root), Store(settings.store).checkpoints)
    while True:
        packed = pipe.recv_bytes()
        try:
            send(worker.train(packed, send))
        except Exception as error:
            send(Failed.of(error))
