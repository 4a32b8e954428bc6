"""Where MLflow keeps what it is told, and the environment that its processes run in."""

import os
import re
from pathlib import Path

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
"""No telemetry, no chatter, and a dead server is given up within seconds instead of MLflow's minutes.

MLflow itself repeats nothing: a request whose answer came too late may have been carried out, and a run created twice. The
worker tries again, after it has looked what is there.
"""


def local_database(root: Path) -> Path:
    """Return the database that is used when nothing else is asked for."""
    return root.resolve() / "mlflow.db"


def default_uri(root: Path) -> str:
    """Return `MLFLOW_TRACKING_URI`, or else the project's own SQLite database."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{local_database(root)}"


def sqlite_file(uri: str) -> Path | None:
    """Return the file behind an SQLite address, or None for any other address."""
    scheme, _, location = uri.partition(":///")
    is_sqlite = scheme.split("+")[0] == "sqlite" and location
    return Path(location.partition("?")[0]) if is_sqlite else None


def is_project_database(root: Path, uri: str) -> bool:
    """Whether `uri` is the project's own database, which no other project writes to."""
    file = sqlite_file(uri)
    return file is not None and file.resolve() == local_database(root)


def artifact_folder(root: Path, uri: str) -> Path | None:
    """Return where the project's own database keeps artifacts; a shared server decides for itself (None)."""
    return root.resolve() / "mlartifacts" if is_project_database(root, uri) else None


def without_passwords(text: str) -> str:
    """Return `text` as it may be printed: `http://user:secret@host` in it becomes `http://host`."""
    return re.sub(r"//[^/@\s]*@", "//", text)


def quiet_environment(uri: str) -> dict[str, str]:
    """Return the environment for a process that uses MLflow at `uri`; what the user has set wins."""
    return {**QUIET, **os.environ, "MLFLOW_TRACKING_URI": uri}


def keep_quiet() -> None:
    """Set the same for this process; to be called before the first import of MLflow."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
