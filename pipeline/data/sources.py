"""Sources of files, and fetching one file: limited in size and time, decompressed, and hashed while it is written."""

import gzip
import hashlib
import http.client
import io
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPMessage
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

OnProgress = Callable[[int, int | None], None]
"""Called while a file is fetched, with the bytes received so far, and their total if it is known."""

_MEBIBYTE = 2**20
_CHUNK = 2**18
_ABSENT = (403, 404, 410)  # HTTP statuses
_GZIP_MAGIC = b"\x1f\x8b"


class SourceError(Exception):
    """A file could not be fetched from one location; the message is the reason, without the location."""


class AbsentError(SourceError):
    """The source answers, but does not have the file."""


class UnreachableError(SourceError):
    """The source does not answer, or no longer, so that it need not be asked for other files."""


@dataclass(frozen=True)
class Limits:
    """The limits of one file: bytes as sent and as decompressed, seconds without data and in total."""

    sent: int = 64 * _MEBIBYTE
    decompressed: int = 128 * _MEBIBYTE
    silence: float = 20.0
    seconds: float = 900.0


@dataclass(frozen=True)
class Source:
    """A source of files: a folder or base URL, the sub-folders to try, and the suffixes that files may have."""

    name: str
    base: str
    folders: tuple[str, ...] = ("",)
    suffixes: tuple[str, ...] = (".gz",)

    def locations(self, file: str) -> list[str]:
        """Return every path or URL at which `file` may be."""
        folders = [f"{self.base.rstrip('/')}/{folder}".rstrip("/") for folder in self.folders]
        return [f"{folder}/{file}{suffix}" for folder in folders for suffix in self.suffixes]


def is_url(location: str) -> bool:
    """Return whether a location is an http or https address; all others are paths."""
    return location.lower().startswith(("https://", "http://"))


def fetch_file(location: str, target: Path, limits: Limits, on_progress: OnProgress) -> str:
    """Write the file at `location`, decompressed if it is gzipped, to `target`; return the SHA-256 of what was written.

    Raises `SourceError`, or a subclass, with the reason if that fails; `target` may then hold a part of the file.
    """
    with _source_errors(limits):
        stream, length = _open(location, limits)
        with stream, target.open("wb") as out:
            metered = io.BufferedReader(_Metered(stream, length, limits, on_progress), _CHUNK)
            return _write(_decompressed(metered), out, limits)


@contextmanager
def _source_errors(limits: Limits) -> Iterator[None]:
    """Turn every exception that reading may raise into a `SourceError` with a readable reason."""
    try:
        yield
    except (zlib.error, gzip.BadGzipFile) as error:
        raise SourceError(f"is damaged as a gzip file: {error}") from error
    except EOFError as error:
        raise SourceError("is cut short in the middle of its gzip data") from error
    except TimeoutError as error:
        raise UnreachableError(f"sent nothing for {limits.silence:g} s") from error
    except (OSError, http.client.HTTPException) as error:
        raise SourceError(str(error) or type(error).__name__) from error


def _open(location: str, limits: Limits) -> tuple[io.BufferedIOBase, int | None]:
    """Return a stream, and its length in bytes if it is known."""
    if is_url(location):
        return _open_url(location, limits)
    path = Path(location)
    if not path.is_file():
        raise AbsentError("is not there")
    return path.open("rb"), path.stat().st_size


def _open_url(location: str, limits: Limits) -> tuple[io.BufferedIOBase, int | None]:
    opener = urllib.request.build_opener(_SafeRedirects)
    try:
        response = opener.open(location, timeout=limits.silence)
    except urllib.error.HTTPError as error:
        error.close()
        kind = AbsentError if error.code in _ABSENT else SourceError
        raise kind(f"answers {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise UnreachableError(f"cannot be reached: {error.reason}") from error
    return response, response.length


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from https to another scheme, and only to http and https addresses."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        secure = req.full_url.lower().startswith("https://")
        if not newurl.lower().startswith("https://" if secure else ("https://", "http://")):
            raise SourceError(f"redirects to {newurl}, which is not allowed from {req.type}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Metered(io.RawIOBase):
    """A stream that counts its bytes: it reports progress, stops at the limits, and detects that it was cut short."""

    def __init__(
        self, stream: io.BufferedIOBase, length: int | None, limits: Limits, on_progress: OnProgress
    ) -> None:
        self._stream = stream
        self._length = length
        self._limits = limits
        self._on_progress = on_progress
        self._received = 0
        self._deadline = time.monotonic() + limits.seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer)
        # The first two bytes are read together, however slowly they arrive, so that a peek can recognise gzip by them.
        data = self._stream.read(2) if self._received == 0 else self._stream.read1(len(view))
        view[: len(data)] = data
        self._count(len(data))
        return len(data)

    def _count(self, size: int) -> None:
        self._received += size
        if size == 0 and self._length is not None and self._received < self._length:
            raise SourceError(f"is cut short: {self._received} of {self._length} bytes received")
        if self._received > self._limits.sent:
            raise SourceError(f"is larger than the {self._limits.sent} bytes allowed")
        if time.monotonic() > self._deadline:
            raise SourceError(f"took longer than the {self._limits.seconds:g} s allowed")
        self._on_progress(self._received, self._length)


def _decompressed(stream: "io.BufferedReader[_Metered]") -> io.BufferedIOBase:
    # Recognised by content, not by name: some servers decompress files, and some users rename them.
    return gzip.GzipFile(fileobj=stream) if stream.peek(2)[:2] == _GZIP_MAGIC else stream


def _write(stream: io.BufferedIOBase, out: BinaryIO, limits: Limits) -> str:
    """Write a stream to a file within the limit of its decompressed size; return the SHA-256 of its content."""
    content, size = hashlib.sha256(), 0
    while chunk := stream.read(_CHUNK):
        size += len(chunk)
        if size > limits.decompressed:
            raise SourceError(f"decompresses to more than the {limits.decompressed} bytes allowed")
        content.update(chunk)
        out.write(chunk)
    return content.hexdigest()
