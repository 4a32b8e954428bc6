"""Where files come from, and bringing one over: bounded in size and time, decompressed, hashed on the way."""

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

Advance = Callable[[int, int | None], None]
"""Told, while a file comes over, how many bytes came so far, and how many there are if that is known."""

_MEBIBYTE = 2**20
_CHUNK = 2**18
_ABSENT = (403, 404, 410)
_GZIP_MAGIC = b"\x1f\x8b"


class SourceError(Exception):
    """A file that one place does not give as it should; the message is the reason, without the place."""


class AbsentError(SourceError):
    """The place answers, but does not have the file."""


class UnreachableError(SourceError):
    """The place does not answer, or stopped to, so that asking it for another file is no use."""


@dataclass(frozen=True)
class Limits:
    """How much a file may take: bytes as sent and as decompressed, seconds of silence and in all."""

    sent: int = 64 * _MEBIBYTE
    decompressed: int = 128 * _MEBIBYTE
    silence: float = 20.0
    seconds: float = 900.0


@dataclass(frozen=True)
class Source:
    """A place to look in: a folder or base URL, its sub-folders to try, the suffixes that files may have."""

    name: str
    base: str
    folders: tuple[str, ...] = ("",)
    suffixes: tuple[str, ...] = (".gz",)

    def locations(self, file: str) -> list[str]:
        """Return every path or URL at which `file` may lie."""
        places = [f"{self.base.rstrip('/')}/{folder}".rstrip("/") for folder in self.folders]
        return [f"{place}/{file}{suffix}" for place in places for suffix in self.suffixes]


def is_url(location: str) -> bool:
    """Say whether a location is an http or https address; all others are paths."""
    return location.lower().startswith(("https://", "http://"))


def bring(location: str, target: Path, limits: Limits, advance: Advance) -> str:
    """Write what `location` holds, decompressed if it is gzipped, to `target`; return its SHA-256.

    Raises `SourceError`, or one of its kinds, with the reason when that fails; `target` may then hold a part.
    """
    with _reasons(limits):
        stream, length = _open(location, limits)
        with stream, target.open("wb") as out:
            metered = io.BufferedReader(_Metered(stream, length, limits, advance), _CHUNK)
            return _pour(_decompressed(metered), out, limits)


@contextmanager
def _reasons(limits: Limits) -> Iterator[None]:
    """Turn whatever reading can raise into a `SourceError` that says it in words."""
    try:
        yield
    except (zlib.error, gzip.BadGzipFile) as error:
        raise SourceError(f"is damaged as a gzip file: {error}") from error
    except EOFError as error:
        raise SourceError("is cut short in the middle of its gzip data") from error
    except TimeoutError as error:
        raise UnreachableError(f"fell silent for {limits.silence:g} s") from error
    except (OSError, http.client.HTTPException) as error:
        raise SourceError(str(error) or type(error).__name__) from error


def _open(location: str, limits: Limits) -> tuple[io.BufferedIOBase, int | None]:
    """Return a stream, and how many bytes it promises."""
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
    """Follows redirects, but never from https to anything less, and never out of the web."""

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
    """Counts what comes: tells the progress, stops at the limits, and notices a stream cut short."""

    def __init__(
        self, stream: io.BufferedIOBase, length: int | None, limits: Limits, advance: Advance
    ) -> None:
        self._stream = stream
        self._length = length
        self._limits = limits
        self._advance = advance
        self._came = 0
        self._deadline = time.monotonic() + limits.seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer)
        # The first two bytes come together, however slowly they drip, so that a peek can tell gzip by them.
        data = self._stream.read(2) if self._came == 0 else self._stream.read1(len(view))
        view[: len(data)] = data
        self._count(len(data))
        return len(data)

    def _count(self, size: int) -> None:
        self._came += size
        if size == 0 and self._length is not None and self._came < self._length:
            raise SourceError(f"is cut short: {self._came} of {self._length} bytes came")
        if self._came > self._limits.sent:
            raise SourceError(f"is larger than the {self._limits.sent} bytes allowed")
        if time.monotonic() > self._deadline:
            raise SourceError(f"took longer than the {self._limits.seconds:g} s allowed")
        self._advance(self._came, self._length)


def _decompressed(stream: "io.BufferedReader[_Metered]") -> io.BufferedIOBase:
    # By content, not by name: some servers decompress on the way, and some people rename.
    return gzip.GzipFile(fileobj=stream) if stream.peek(2)[:2] == _GZIP_MAGIC else stream


def _pour(stream: io.BufferedIOBase, out: BinaryIO, limits: Limits) -> str:
    content, size = hashlib.sha256(), 0
    while chunk := stream.read(_CHUNK):
        size += len(chunk)
        if size > limits.decompressed:
            raise SourceError(f"decompresses to more than the {limits.decompressed} bytes allowed")
        content.update(chunk)
        out.write(chunk)
    return content.hexdigest()
