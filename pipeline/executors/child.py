"""A worker process as it is inside: asked through a pipe, gone as soon as the process that started it is gone."""

import json
import os
import signal
import sys
import threading
import traceback
from multiprocessing import connection, parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.executors.machine import resident

REPORT, DONE, FAILED = b"r", b"d", b"f"  # begin a message to the parent


def serve(pipe: Connection, started_with: str) -> None:
    """Train every stack that comes through `pipe`, until it is closed."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches the whole group; the parent ends its workers
    _end_with_parent()
    settings = json.loads(started_with)
    _settle(settings)
    try:
        _train_all(pipe, settings)
    except (EOFError, BrokenPipeError):
        return


def _end_with_parent() -> None:
    """Wait for the parent's death in a thread: Linux tells by closing a pipe, whatever it died of."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _settle(settings: dict[str, Any]) -> None:
    """Take this process's place on the machine, before TensorFlow does."""
    Path(settings["log"]).parent.mkdir(parents=True, exist_ok=True)
    with Path(settings["log"]).open("wb") as log:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    if settings["cores"] and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, settings["cores"])
    if settings["gpu"] is not None:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        gpus = visible.split(",") if visible else None
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus[settings["gpu"]] if gpus else str(settings["gpu"])
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def _train_all(pipe: Connection, settings: dict[str, Any]) -> None:
    from pipeline.engine.views import Shelf
    from pipeline.executors.parcels import to_bytes
    from pipeline.executors.worker import Terms, Worker
    from pipeline.store import Store

    views, store = Shelf(Path(settings["root"])), Store(Path(settings["store"]))
    worker = Worker(Terms.unpack(settings["terms"]), views, store)
    while True:
        packed = pipe.recv_bytes().decode()
        try:
            text, arrays = worker.train(packed, lambda report: pipe.send_bytes(REPORT + report.encode()))
        except Exception as error:
            kind = "user" if isinstance(error, UserError) else "fault"
            said = str(error) if kind == "user" else traceback.format_exc()
            pipe.send_bytes(FAILED + json.dumps({"kind": kind, "text": said}).encode())
        else:
            held = json.dumps({"held": resident(), "trained": text})
            pipe.send_bytes(DONE + to_bytes(held, arrays))
