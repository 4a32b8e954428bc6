"""MLflow's user interface on this project's database, opened on the page that compares variants."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import webbrowser
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.error import URLError

from pipeline.errors import UserError
from pipeline.store import Store
from pipeline.tracking.address import default_uri, quiet_environment, sqlite_file, without_passwords
from pipeline.tracking.ledger import load

HOST = "127.0.0.1"
LONGEST_START = 180.0
LIGHT = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
"""Without MLflow's job runners the server starts in a third of the time, two processes instead of fifteen."""
PORT = 5000


def serve(root: Path, port: int = PORT, open_browser: bool = True) -> None:
    """Show the project in `root` in a browser until interrupted; of a remote server only the page is opened.

    Raises `UserError` where nothing was tracked yet, the port is taken, or the server does not start.
    """
    uri = default_uri(root)
    page = landing_page(Store(root / ".runs"), uri, port)
    if uri.startswith("http"):
        _show(page, open_browser)
        return
    _refuse_missing(uri)
    refuse_busy(port)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a plain `kill` ends the server too
    with _server(uri, port) as server:
        wait_until_up(server, port)
        _show(page, open_browser)
        server.wait()


def landing_page(store: Store, uri: str, port: int = PORT) -> str:
    """Return the address of the one ablation's page, or of the list where there are several."""
    ablations = list(load(store, uri).experiments)
    page = compare_url(store, ablations[0], uri, port) if len(ablations) == 1 else None
    return page or f"{_server_address(uri, port)}/#/experiments"


def compare_url(store: Store, ablation: str, uri: str | None = None, port: int = PORT) -> str | None:
    """Return the address of the charts that compare an ablation's runs, or None while MLflow has none."""
    return compare_urls(store, uri, port).get(ablation)


def compare_urls(store: Store, uri: str | None = None, port: int = PORT) -> dict[str, str]:
    """Return, for every ablation that MLflow has, the address of the charts that compare its runs."""
    uri = uri or default_uri(store.folder.parent)
    start = f"{_server_address(uri, port)}/#/experiments"
    query = "compareRunsMode=CHART&workflowType=machine_learning"
    sent = load(store, uri).experiments
    return {name: f"{start}/{experiment.experiment_id}/runs?{query}" for name, experiment in sent.items()}


def address(root: Path) -> str:
    """Return where the UI of the project in `root` is: the tracking server's, else where `serve` opens it by default."""
    return _server_address(default_uri(root), PORT)


def _server_address(uri: str, port: int) -> str:
    return without_passwords(uri).rstrip("/") if uri.startswith("http") else f"http://{HOST}:{port}"


def _show(page: str, open_browser: bool) -> None:
    print(f"MLflow: {page}", flush=True)
    if open_browser:
        webbrowser.open(page)


def _refuse_missing(uri: str) -> None:
    file = sqlite_file(uri)
    if file is not None and not file.exists():
        raise UserError(f"{file}: there is no MLflow database yet; `dvc repro` makes it.")


def refuse_busy(port: int) -> None:
    """Raise `UserError` where somebody listens on `port` already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise UserError(
                f"port {port}: {os.strerror(error.errno or 0)}; choose another with --port."
            ) from error


def _server(uri: str, port: int) -> "AbstractContextManager[subprocess.Popen[bytes]]":
    command = [sys.executable, "-W", "ignore", "-m", "mlflow", "ui", "--backend-store-uri", uri]
    command += ["--host", HOST, "--port", str(port), "-w", "1", "--uvicorn-opts", "--log-level warning"]
    return running(command, {**LIGHT, **quiet_environment(uri)})


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a server until the block ends, or Ctrl-C ends it."""
    # A session of its own, so that Ctrl-C reaches this process alone, which then ends the server in order.
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment, start_new_session=True)
    try:
        yield server
    except KeyboardInterrupt:
        print()
    finally:
        server.terminate()
        server.wait()


def wait_until_up(server: "subprocess.Popen[bytes]", port: int) -> None:
    """Wait until MLflow answers on `port`; raises `UserError` where it ends, or is silent for too long."""
    deadline = time.monotonic() + LONGEST_START
    while not _answers(port):
        if server.poll() is not None:
            raise UserError(
                f"MLflow's server ended with status {server.returncode} before it was up; see above."
            )
        if time.monotonic() > deadline:
            raise UserError(f"MLflow's server on port {port} did not answer within {LONGEST_START:g} s.")
        time.sleep(0.2)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
