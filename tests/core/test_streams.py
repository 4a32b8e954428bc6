"""Terminals and logs with fewer characters: nothing fails, and a minus stays one."""

import io
import subprocess
import sys

import pytest

from pipeline.core import streams


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_any_text_can_be_printed(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding))
    streams.allow_any_encoding()
    print("\u22120.5 [\u22121, +0.2] \u2026 \u2500\u2502 \u00b1 \u6f22", flush=True)
    told = raw.getvalue().decode(encoding)
    assert told.startswith("-0.5 [-1, +0.2] ") and "-|" in told and told.rstrip().endswith("?")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_commands_print_their_tables(encoding: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "plan"],
        env={"PYTHONIOENCODING": encoding, "PATH": "", "HOME": "/nowhere"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(encoding)
    assert b"activations" in done.stdout
