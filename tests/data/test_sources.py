import gzip
import hashlib
import threading
import urllib.request

import pytest

from pipeline.data.sources import (
    AbsentError,
    Limits,
    Source,
    SourceError,
    UnreachableError,
    _SafeRedirects,
    fetch_file,
)

from .tiny import send

CONTENT = bytes(range(256)) * 400
GZIPPED = gzip.compress(CONTENT)


@pytest.fixture
def get(server, tmp_path):
    """Return a function that fetches `/file`, and returns its content and the reports of progress."""

    def get_file(**limits):
        progress = []
        target = tmp_path / "target"
        digest = fetch_file(
            f"{server.url}/file", target, Limits(**limits), lambda *args: progress.append(args)
        )
        assert digest == hashlib.sha256(target.read_bytes()).hexdigest()
        return target.read_bytes(), progress

    return get_file


@pytest.mark.parametrize("body", [CONTENT, GZIPPED], ids=["plain", "gzipped"])
def test_gzip_is_recognised_by_content_and_progress_counts_what_is_sent(server, get, body):
    server.routes["/file"] = body
    content, progress = get()
    assert content == CONTENT
    assert progress[-1] == (len(body), len(body))
    assert [received for received, _ in progress] == sorted(received for received, _ in progress)


def test_a_length_that_is_not_promised_is_not_needed(server, get):
    server.routes["/file"] = lambda handler: send(handler, GZIPPED)
    content, progress = get()
    assert content == CONTENT
    assert progress[-1] == (len(GZIPPED), None)


def test_a_body_that_drips_is_whole(server, get):
    def drip(handler):
        send(handler, GZIPPED[:1], len(GZIPPED))
        for start in range(1, 5):
            handler.wfile.flush()
            threading.Event().wait(0.02)
            handler.wfile.write(GZIPPED[start : start + 1])
        handler.wfile.write(GZIPPED[5:])

    server.routes["/file"] = drip
    assert get()[0] == CONTENT


@pytest.mark.parametrize("body", [CONTENT, GZIPPED], ids=["plain", "gzipped"])
def test_a_truncated_body_is_reported_with_its_lengths(server, get, body):
    server.routes["/file"] = lambda handler: send(handler, body[:100], len(body))
    with pytest.raises(SourceError, match=f"cut short: 100 of {len(body)} bytes"):
        get()


def test_truncated_gzip_data_is_reported_even_when_no_length_was_promised(server, get):
    server.routes["/file"] = lambda handler: send(handler, GZIPPED[:-9])
    with pytest.raises(SourceError, match="cut short in the middle of its gzip data"):
        get()


@pytest.mark.parametrize("at", [20, -6], ids=["in its data", "in its checksum"])
def test_damaged_gzip_data_is_reported(server, get, at):
    damaged = bytearray(GZIPPED)
    damaged[at] ^= 0xFF
    server.routes["/file"] = bytes(damaged)
    with pytest.raises(SourceError, match=r"damaged as a gzip file|cut short"):
        get()


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_missing_file_is_absent(server, get, status):
    server.routes["/file"] = lambda handler: handler.send_error(status)
    with pytest.raises(AbsentError, match=f"answers {status}"):
        get()


def test_a_broken_server_is_not_a_missing_file(server, get):
    server.routes["/file"] = lambda handler: handler.send_error(503)
    with pytest.raises(SourceError, match="answers 503") as caught:
        get()
    assert type(caught.value) is SourceError


def test_more_than_the_limit_is_not_read_to_its_end(server, get):
    server.routes["/file"] = CONTENT
    with pytest.raises(SourceError, match="larger than the 1000 bytes"):
        get(sent=1000)


def test_a_gzip_bomb_is_stopped(server, get, tmp_path):
    server.routes["/file"] = gzip.compress(bytes(30 * 2**20))
    with pytest.raises(SourceError, match="decompresses to more than the 1000000 bytes"):
        get(decompressed=1_000_000)
    assert (tmp_path / "target").stat().st_size <= 1_000_000


def test_a_silent_server_is_given_up(server, get):
    done = threading.Event()

    def fall_silent(handler):
        send(handler, GZIPPED[:50], len(GZIPPED))
        handler.wfile.flush()
        done.wait(10)

    server.routes["/file"] = fall_silent
    try:
        with pytest.raises(UnreachableError, match=r"sent nothing for 0\.2 s"):
            get(silence=0.2)
    finally:
        done.set()


def test_a_download_that_never_ends_is_given_up(server, get):
    done = threading.Event()

    def trickle(handler):
        send(handler, b"", len(CONTENT))
        for _ in range(100):
            if done.wait(0.02):
                break
            handler.wfile.write(b"x")
            handler.wfile.flush()

    server.routes["/file"] = trickle
    try:
        with pytest.raises(SourceError, match=r"longer than the 0\.3 s"):
            get(silence=5, seconds=0.3)
    finally:
        done.set()


def test_nobody_there_is_unreachable(tmp_path):
    with pytest.raises(UnreachableError, match=r"cannot be reached: .*refused"):
        fetch_file("http://127.0.0.1:1/file", tmp_path / "target", Limits(), lambda *_: None)


def test_a_redirect_on_the_web_is_followed(server, get):
    def redirect(handler):
        handler.send_response(302)
        handler.send_header("Location", "/there")
        handler.end_headers()

    server.routes.update({"/file": redirect, "/there": GZIPPED})
    assert get()[0] == CONTENT


@pytest.mark.parametrize(
    ("start", "target"),
    [
        ("https://example.org/a", "http://example.org/a"),
        ("https://example.org/a", "ftp://example.org/a"),
        ("http://example.org/a", "ftp://example.org/a"),
        ("http://example.org/a", "file:///etc/hostname"),
    ],
)
def test_a_redirect_to_something_less_safe_is_refused(start, target):
    request = urllib.request.Request(start)
    with pytest.raises(SourceError, match=f"redirects to {target}"):
        _SafeRedirects().redirect_request(request, None, 302, "Found", {}, target)


def test_a_folder_gives_files_and_says_what_it_has_not(tmp_path):
    (tmp_path / "file.gz").write_bytes(GZIPPED)
    assert fetch_file(str(tmp_path / "file.gz"), tmp_path / "target", Limits(), lambda *_: None)
    for absent in ("gone", "."):
        with pytest.raises(AbsentError, match="is not there"):
            fetch_file(str(tmp_path / absent), tmp_path / "target", Limits(), lambda *_: None)


def test_locations_are_every_folder_with_every_suffix():
    source = Source("mirror", "https://example.org/base/", ("a_b", "a-b", ""), (".gz", ""))
    assert source.locations("f") == [
        "https://example.org/base/a_b/f.gz",
        "https://example.org/base/a_b/f",
        "https://example.org/base/a-b/f.gz",
        "https://example.org/base/a-b/f",
        "https://example.org/base/f.gz",
        "https://example.org/base/f",
    ]
