"""Redirect the logs of native libraries: TensorFlow prints a dozen lines at import that no setting of its own prevents."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def native_logs_to(file: Path) -> Iterator[None]:
    """Write the process's standard error to `file` during the block, including output of native code; exceptions pass."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    file.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    original = os.dup(2)
    try:
        with file.open("wb") as log:
            os.dup2(log.fileno(), 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(original, 2)
        os.close(original)
