"""A tiny project: two ablations of tiny nets on few digits, and ways to bring it up to date."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import pipeline
from benchmarks.small import PARAMS
from pipeline.params.load import load
from pipeline.store import Store

PACKAGE = Path(pipeline.__file__).parent
REPOSITORY = PACKAGE.parent


def environment() -> dict[str, str]:
    """Return this process's environment for a project of its own: its store, its database, this Python first."""
    kept = {key: value for key, value in os.environ.items() if key not in ("DVC_ROOT", "MLFLOW_TRACKING_URI")}
    kept["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    return {**kept, "TF_CPP_MIN_LOG_LEVEL": "3"}


def write_params(root: Path, params: Mapping[str, Any] = PARAMS) -> None:
    """Write a params file; JSON is YAML."""
    (root / "params.yaml").write_text(json.dumps(params, indent=1), encoding="utf-8")


def project_at(root: Path, prepared: Path, params: Mapping[str, Any] = PARAMS) -> Path:
    """Make a project folder with the data that lies prepared in another."""
    root.mkdir()
    shutil.copytree(prepared / "data", root / "data")
    write_params(root, params)
    return root


def ablate(root: Path, name: str, ahead: bool = False) -> None:
    """Bring an ablation up to date in this process."""
    from pipeline.cli.progress import progress
    from pipeline.stages.ablate import ablate as bring_up_to_date

    bring_up_to_date(load(root / "params.yaml"), name, Store(root / ".runs"), root, progress, ahead)


def kill_in_rounds(monkeypatch: pytest.MonkeyPatch, *killed: int) -> None:
    """Have rounds of training with these numbers, counted from 1 over all that follow, end as by Ctrl-C."""
    from pipeline.training.runner import Runner

    train, rounds = Runner._train, count(1)

    def train_or_die(runner: Runner, runs: Any) -> None:
        if next(rounds) in killed:
            raise KeyboardInterrupt
        train(runner, runs)

    monkeypatch.setattr(Runner, "_train", train_or_die)


def results(root: Path) -> dict[str, bytes]:
    """Return every ablation's results as they were written."""
    return {path.parent.name: path.read_bytes() for path in sorted(root.glob("results/*/ablation.json"))}


def call(root: Path, *command: str, status: int = 0) -> str:
    """Run a command in a project; return what it printed."""
    done = subprocess.run(command, cwd=root, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == status, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout
