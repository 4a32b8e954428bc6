"""MLflow's server as a child process, for the UI of one project and for a team alike."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from urllib.error import URLError

from pipeline.core.errors import UserError

HOST = "127.0.0.1"
PORT = 5000
LONGEST_START = 180.0
NO_JOB_RUNNERS = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
"""Without MLflow's job runners the server starts in a third of the time, with two processes instead of fifteen."""


def run_server(
    options: Sequence[str],
    environment: Mapping[str, str],
    *,
    host: str = HOST,
    port: int = PORT,
    workers: int = 1,
    on_start: Callable[[], None],
) -> None:
    """Run `mlflow server` until it is interrupted; `on_start` is called once it answers.

    Raises `UserError` where the port is taken or the server does not start.
    """
    _check_port(port)
    command = [sys.executable, "-W", "ignore", "-m", "mlflow", "server", *options, "--host", host]
    command += ["--port", str(port), "-w", str(workers), "--uvicorn-opts", "--log-level warning"]
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that `kill` ends the server too
    with _running(command, {**NO_JOB_RUNNERS, **environment}) as server:
        _wait_until_up(server, port)
        on_start()
        server.wait()


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise UserError(f"port {port}: {reason}; choose another with --port.") from error


@contextmanager
def _running(command: Sequence[str], environment: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    # In a session of its own, so that Ctrl-C reaches this process only, which then ends the server in order.
    server = subprocess.Popen(  # noqa: S603  this Python and MLflow, the options as separate arguments
        command, stdout=subprocess.DEVNULL, env=environment, start_new_session=True
    )
    try:
        yield server
    except KeyboardInterrupt:
        print()
    finally:
        server.terminate()
        server.wait()


def _wait_until_up(server: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + LONGEST_START
    while not _answers(port):
        if server.poll() is not None:
            status = server.returncode
            raise UserError(f"MLflow's server ended with status {status} before it was up; see above.")
        if time.monotonic() > deadline:
            raise UserError(f"MLflow's server on port {port} did not answer within {LONGEST_START:g} s.")
        time.sleep(0.2)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
