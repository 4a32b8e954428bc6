"""The address of MLflow (its tracking URI), and the environment of the processes that use it."""

import os
import re
from pathlib import Path

SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
"""Environment variables: no telemetry, errors only in the log, and a dead server is given up within seconds, not minutes.

MLflow itself repeats no request: one that was answered too late may have been carried out, and repeating it would create a
run twice. The worker tries again, after it has checked what MLflow holds.
"""


def local_database(root: Path) -> Path:
    """Return the SQLite file that is used unless another address is configured."""
    return root.resolve() / "mlflow.db"


def default_uri(root: Path) -> str:
    """Return `MLFLOW_TRACKING_URI`, or else the project's own SQLite database.

    An SQLite file with a relative path is one in the project's root, for the project and all studies in it.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{local_database(root)}"
    file = sqlite_file(uri)
    if file is None or file.is_absolute():
        return uri
    scheme, _, location = uri.partition(":///")
    return f"{scheme}:///{root.resolve() / file}{location.removeprefix(str(file))}"


def unsupported(uri: str) -> str:
    """Return in a line why nothing can be tracked at an address, and what to set instead; empty where it can."""
    scheme = uri.partition(":")[0] if ":" in uri else ""
    if scheme and scheme != "file":
        return ""
    return (
        f"MLFLOW_TRACKING_URI is the folder {uri}, which MLflow does not track runs in any more: "
        "set it to sqlite:///mlflow.db, or to a server's address, or unset it. Nothing is sent to MLflow"
    )


def sqlite_file(uri: str) -> Path | None:
    """Return the file of an SQLite address, or None for any other address.

    Example: `sqlite_file("sqlite:////home/me/mlflow.db?timeout=5")` is `Path("/home/me/mlflow.db")`.
    """
    scheme, _, location = uri.partition(":///")
    is_sqlite = scheme.split("+")[0] == "sqlite" and location
    return Path(location.partition("?")[0]) if is_sqlite else None


def is_project_database(root: Path, uri: str) -> bool:
    """Return whether `uri` is the project's own database, which no other project writes to."""
    file = sqlite_file(uri)
    return file is not None and file.resolve() == local_database(root)


def artifact_folder(root: Path, uri: str) -> Path | None:
    """Return where the project's own database keeps artifacts; None for a shared server, which decides that itself."""
    return root.resolve() / "mlartifacts" if is_project_database(root, uri) else None


def without_passwords(text: str) -> str:
    """Return `text` safe to print: `http://user:secret@host` in it becomes `http://host`."""
    return re.sub(r"//[^/@\s]*@", "//", text)


def mlflow_environment(uri: str) -> dict[str, str]:
    """Return the environment for a process that uses MLflow at `uri`; variables that the user has set win."""
    return {**SETTINGS, **os.environ, "MLFLOW_TRACKING_URI": uri}


def configure_environment() -> None:
    """Set the same variables for this process, except those already set; call it before the first import of MLflow."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
