"""The output of native libraries goes to the file; exceptions of Python are raised."""

import os
import sys
from pathlib import Path

import pytest

from pipeline.core.native_logs import native_logs_to


def test_native_chatter_goes_to_the_file_and_nothing_else(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "logs" / "native.log"
    with pytest.raises(ImportError, match="no such"), native_logs_to(file):
        os.write(2, b"chatter")
        raise ImportError("no such library")
    print("after", file=sys.stderr)
    assert file.read_text() == "chatter"
    assert capfd.readouterr().err == "after\n"
