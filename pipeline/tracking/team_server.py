"""A team's tracking server: MLflow on a database that many may write to; artifacts go through the server."""

import importlib.util
import os

from pipeline.core.errors import UserError
from pipeline.tracking.address import SETTINGS, without_passwords
from pipeline.tracking.server import HOST, PORT, run_server

BACKEND = "MLFLOW_BACKEND_STORE_URI"


def serve_team(
    backend: str | None, artifacts: str, host: str = HOST, port: int = PORT, workers: int = 2
) -> None:
    """Serve MLflow until interrupted; `backend` is a database's address (or `MLFLOW_BACKEND_STORE_URI`).

    Files that runs log go through the server into `artifacts`, a folder or a bucket that only the server needs to reach.
    Raises `UserError` where no database is named, its driver is missing, the port is taken, or the server does not start.
    """
    backend = _checked(backend or os.environ.get(BACKEND))

    def announce() -> None:
        print(f"MLflow: http://{host}:{port} on {without_passwords(backend)}", flush=True)
        print(f"each user sets MLFLOW_TRACKING_URI=http://{host}:{port}", flush=True)

    run_server(
        ["--artifacts-destination", artifacts],
        _environment(backend),
        host=host,
        port=port,
        workers=workers,
        on_start=announce,
    )


def _checked(backend: str | None) -> str:
    if not backend:
        raise UserError(
            f"--backend, or the variable {BACKEND}, must name a database: postgresql://user@host/name"
        )
    if backend.startswith("postgresql") and importlib.util.find_spec("psycopg2") is None:
        raise UserError("PostgreSQL needs its driver: python -m pip install '.[postgres]'")
    return backend


def _environment(backend: str) -> dict[str, str]:
    """Return the server's environment, which names the database: a password on the command line would be visible."""
    driver = "postgresql+psycopg2://"  # without it, SQLAlchemy expects psycopg 3
    database = backend.replace("postgresql://", driver, 1)
    environment = {**SETTINGS, **os.environ, BACKEND: database}
    environment.pop("MLFLOW_TRACKING_URI", None)
    return environment
