import gzip
import hashlib
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pipeline.data import catalogue, idx

from .tiny import UNREACHABLE, send, tiny_arrays


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    """Keep settings of the machine out: no mirror, no proxy."""
    monkeypatch.delenv("ABLATION_DATA_MIRROR", raising=False)
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def contents():
    """Return the four files of a data set of 30 + 9 images of 4x3, by file name, uncompressed."""
    names = catalogue.file_names(3)
    return {names[part]: idx.encode(array) for part, array in tiny_arrays().items()}


@pytest.fixture
def tiny(monkeypatch, contents, tmp_path):
    """Put that data set into the catalogue, as `tiny_set`, with one official address where nobody answers."""
    names = catalogue.file_names(3)
    record = catalogue.Dataset(
        name="tiny_set",
        input_shape=(4, 3),
        output_names=("a", "b", "c"),
        train_count=30,
        test_count=9,
        sha256={part: hashlib.sha256(contents[names[part]]).hexdigest() for part in names},
        validation=5,
        sources=(UNREACHABLE,),
        package=str(tmp_path / "package"),
        package_name="dataset-tiny",
    )
    monkeypatch.setitem(catalogue.CATALOGUE, "tiny_set", record)
    return record


@pytest.fixture
def put(contents, tiny):
    """Return a function that writes the four files into a folder, gzipped or not."""

    def write(folder, *, gzipped):
        folder.mkdir(parents=True)
        for name in tiny.files.values():
            content = contents[name]
            path = folder / (f"{name}.gz" if gzipped else name)
            path.write_bytes(gzip.compress(content) if gzipped else content)
        return folder

    return write


class Server:
    """A web server on loopback; `routes` hold for a path the bytes to send, or a function of the handler."""

    def __init__(self) -> None:
        self.routes: dict[str, bytes | Callable[[BaseHTTPRequestHandler], None]] = {}
        self.requested: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.requested.append(self.path)
                route = server.routes.get(self.path)
                if route is None:
                    self.send_error(404)
                elif callable(route):
                    route(self)
                else:
                    send(self, route, len(route))

            def log_message(self, *_):
                """Keep quiet."""

        return Handler


@pytest.fixture
def server():
    running = Server()
    yield running
    running.stop()
