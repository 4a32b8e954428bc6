"""A team's tracking server: MLflow on a database that many may write to, artifacts passed on by the server."""

import importlib.util
import os
import signal
import subprocess
import sys
from contextlib import AbstractContextManager

from pipeline.errors import UserError
from pipeline.tracking.address import QUIET, without_passwords
from pipeline.tracking.ui import HOST, LIGHT, PORT, refuse_busy, running, wait_until_up

BACKEND = "MLFLOW_BACKEND_STORE_URI"


def serve_team(
    backend: str | None, artifacts: str, host: str = HOST, port: int = PORT, workers: int = 2
) -> None:
    """Serve MLflow until interrupted; `backend` is a database's address (or `MLFLOW_BACKEND_STORE_URI`).

    Files that runs log go through the server into `artifacts`, a folder or a bucket that only the server needs to reach.
    Raises `UserError` where no database is named, its driver is missing, the port is taken, or the server does not start.
    """
    backend = _checked(backend or os.environ.get(BACKEND))
    refuse_busy(port)
    database = backend.replace(
        "postgresql://", "postgresql+psycopg2://", 1
    )  # else SQLAlchemy wants psycopg 3
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a plain `kill` ends the server too
    with _server(database, artifacts, host, port, workers) as server:
        wait_until_up(server, port)
        print(f"MLflow: http://{host}:{port} on {without_passwords(backend)}", flush=True)
        print(f"each user sets MLFLOW_TRACKING_URI=http://{host}:{port}", flush=True)
        server.wait()


def _checked(backend: str | None) -> str:
    if not backend:
        raise UserError(
            f"--backend, or the variable {BACKEND}, must name a database: postgresql://user@host/name"
        )
    if backend.startswith("postgresql") and importlib.util.find_spec("psycopg2") is None:
        raise UserError("PostgreSQL needs its driver: python -m pip install '.[postgres]'")
    return backend


def _server(
    backend: str, artifacts: str, host: str, port: int, workers: int
) -> "AbstractContextManager[subprocess.Popen[bytes]]":
    command = [sys.executable, "-W", "ignore", "-m", "mlflow", "server", "--artifacts-destination", artifacts]
    command += [
        "--host",
        host,
        "--port",
        str(port),
        "-w",
        str(workers),
        "--uvicorn-opts",
        "--log-level warning",
    ]
    # By the environment, for whoever lists processes could read a password on the command line.
    environment = {**LIGHT, **QUIET, **os.environ, BACKEND: backend}
    environment.pop("MLFLOW_TRACKING_URI", None)
    return running(command, environment)
