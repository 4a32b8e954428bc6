"""Keep native libraries from chattering: TensorFlow greets with a dozen lines that no setting of its own holds back."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def native_logs_to(file: Path) -> Iterator[None]:
    """While inside, what is written to the process's standard error goes to `file`; exceptions are raised as ever."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    file.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with file.open("wb") as log:
            os.dup2(log.fileno(), 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
