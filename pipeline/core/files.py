"""Files that are written completely or not at all, and locks between processes."""

import fcntl
import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path that replaces `path` when the block ends without an exception, and is removed otherwise.

    Example:
        with replacing(Path("results.csv")) as temporary:
            temporary.write_text("variant,accuracy")
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_partial(folder: Path) -> None:
    """Remove incomplete files of killed processes from `folder`; no other process may be writing there."""
    for partial in folder.glob(".*.partial*"):
        partial.unlink(missing_ok=True)


def write_json(path: Path, value: object) -> None:
    """Write `value` as JSON, completely or not at all; raises `ValueError` for NaN and infinities."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, allow_nan=False, ensure_ascii=False), encoding="utf-8")


def read_json(path: Path) -> Any | None:
    """Return the JSON value in `path`, or None if the file is missing, truncated or not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_locked(path: Path) -> bool:
    """Return whether a process holds a lock file."""
    try:
        with path.open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


@contextmanager
def locked(path: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock file `path` during the block; one process at a time can hold it, and it is released when that ends.

    `on_wait` is called before waiting for another process that holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
