"""What a change of the default study costs, against what `plan` says: `python -m benchmarks.changes [--write FILE]`.

Makes a project with the default study in a temporary folder, brings it up to date from nothing, makes one change after
another, and times `dvc repro` after each, stage by stage. Run it on a quiet machine; it takes about ten minutes.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.documents import write_table

REPOSITORY = Path(__file__).parents[1]
MARKER = "changes"
FILES = ("pipeline", "dvc.yaml", ".dvcignore", ".gitignore", "params.yaml")
TRAINING, AFTER = "ablate: training", "ablate: after it"
PARTS = (
    "check",
    "ablate: until training",
    TRAINING,
    AFTER,
    "report",
    "track",
    "DVC itself",
)


@dataclass
class Repro:
    """One `dvc repro`: the seconds of each part, and in all; what was planned before it."""

    name: str
    planned: float
    runs: int
    seconds: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)


def edit(old: str, new: str) -> Callable[[str], str]:
    """Return a change of params.yaml that replaces one text."""

    def change(text: str) -> str:
        if text.count(old) != 1:
            raise ValueError(f"params.yaml must hold {old!r} once")
        return text.replace(old, new)

    return change


MISH = "      mish: {model: {activation: mish}}\n"
OPTIMIZERS = "    question: Which optimizer gets furthest in 20 epochs, each at its own rate?\n"
CHANGES: dict[str, Callable[[str], str]] = {
    "from nothing": str,
    "nothing changed": str,
    "a variant added": edit(MISH, f"{MISH}      softplus: {{model: {{activation: softplus}}}}\n"),
    "more seeds for one ablation": edit(OPTIMIZERS, f"{OPTIMIZERS}    seeds: {{start: 8, max: 16}}\n"),
    "twice the epochs": edit(
        "training: {epochs: 20, batch_size: 32}", "training: {epochs: 40, batch_size: 32}"
    ),
}


def make_project(root: Path) -> None:
    """Copy what a project needs of this repository."""
    root.mkdir()
    for name in FILES:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, root)
    (root / "reports").mkdir()
    for command in (["git", "init", "--quiet"], ["dvc", "init", "--quiet"], ["dvc", "repro", "prepare"]):
        subprocess.run(command, cwd=root, env=_environment(), check=True, stdout=subprocess.DEVNULL)


def _environment() -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if name not in ("DVC_ROOT", "MLFLOW_TRACKING_URI")
    }
    return {**kept, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"}


def measured(root: Path, name: str) -> Repro:
    """Plan, then time `dvc repro`."""
    command = [sys.executable, "-m", "pipeline", "plan", "--json"]
    plan = json.loads(
        subprocess.run(command, cwd=root, env=_environment(), check=True, capture_output=True).stdout
    )
    repro = Repro(name, plan["seconds"], plan["likely"])
    started = last = time.perf_counter()
    part = "DVC itself"
    process = subprocess.Popen(
        ["dvc", "repro"],
        cwd=root,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    for line in process.stdout or ():
        now = time.perf_counter()
        repro.parts[part] = repro.parts.get(part, 0.0) + now - last
        if _is_progress(line):  # what seemed to come after training was between stacks
            between = repro.parts.pop(AFTER, 0.0)
            repro.parts[TRAINING] = repro.parts.get(TRAINING, 0.0) + between
        last, part = now, _next(part, line)
    if process.wait():
        raise RuntimeError(f"dvc repro ended with {process.returncode}")
    repro.seconds = time.perf_counter() - started
    return repro


def _next(part: str, line: str) -> str:
    """Return which part goes on after a line of `dvc repro`."""
    if line.startswith("> "):
        words = line.split()
        stage = next((word for word in words if word in ("check", "ablate", "report", "track")), "DVC itself")
        return "ablate: until training" if stage == "ablate" else stage
    if " runs together" in line and part == "ablate: until training":
        return TRAINING
    if _is_progress(line):
        return AFTER
    ends = line.startswith(("Updating lock", "Running stage", "Stage ", "Use `dvc"))
    return "DVC itself" if ends else part


def _is_progress(line: str) -> bool:
    """Return whether a line says how many runs are trained, after a stack."""
    return " of " in line and line.rstrip().endswith("runs")


def cases() -> Iterator[Repro]:
    """Yield each change, one after the other in one project."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "study"
        make_project(root)
        for name, change in CHANGES.items():
            params = root / "params.yaml"
            params.write_text(change(params.read_text(encoding="utf-8")), encoding="utf-8")
            yield measured(root, name)


def markdown(repros: Sequence[Repro]) -> str:
    """Return the table in docs/performance.md."""
    heads = ["change", "likely runs", "planned, s", "took, s", *(f"{part}, s" for part in PARTS)]
    rows = [
        [repro.name, str(repro.runs), f"{repro.planned:.0f}" if repro.planned else "", f"{repro.seconds:.1f}"]
        + [f"{repro.parts[part]:.1f}" if part in repro.parts else "" for part in PARTS]
        for repro in repros
    ]
    align = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [heads, align, *rows])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.changes", description=__doc__)
    parser.add_argument("--write", type=Path, help="a Markdown file, to update the table between its markers")
    options = parser.parse_args(arguments)
    repros = []
    for repro in cases():
        repros.append(repro)
        print(f"{repro.name}: planned {repro.planned:.1f} s, took {repro.seconds:.1f} s", flush=True)
    print(markdown(repros))
    if options.write is not None:
        write_table(options.write, MARKER, markdown(repros))
    return 0


if __name__ == "__main__":
    sys.exit(main())
