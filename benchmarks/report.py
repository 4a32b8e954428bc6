"""How long a report of thousands of runs takes: `python -m benchmarks.report [--json] [--write docs/performance.md]`.

Invented studies of 25, 50 and 100 ablations, each with 20 variants of 5 replicates of 20 epochs and 6 trials: 100 ablations
are 10,000 replicates and 12,000 trials. It measures what a user runs, `python -m pipeline report`, from nothing and again
with nothing changed. Memory is the largest sum over all processes, with memory pages that they share counted in each. Exit
status 1 where the largest study takes more than 60 seconds or 1.5 GB.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.documents import write_table
from tests.report import made_up

ABLATIONS = (25, 50, 100)
VARIANTS = 20
MOST_SECONDS, MOST_MB = 60.0, 1536.0
SAMPLE_EVERY = 0.05
"""Seconds between two samples of memory."""
MARKER = "report"
ROOT = Path(__file__).parents[1]
TICKS, PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Case:
    """One study: `seconds` of wall time, `cpu_seconds` of all processes, `idle_seconds` of a report with nothing changed."""

    ablations: int
    replicates: int
    seconds: float
    cpu_seconds: float
    idle_seconds: float
    peak_mb: float
    largest_page_kb: float


def measure(ablations: int) -> Case:
    """Invent a study, render its report, and run the report again."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        replicates = make_study(folder, ablations)
        seconds, cpu, peak = run_report(folder)
        idle, _, _ = run_report(folder)
        largest = max(path.stat().st_size for path in (folder / "reports").glob("*.html"))
    return Case(
        ablations,
        replicates,
        round(seconds, 1),
        round(cpu, 1),
        round(idle, 2),
        round(peak),
        round(largest / 1000),
    )


def make_study(folder: Path, ablations: int) -> int:
    """Write results, settings and a store with the times of all runs; return the number of replicates."""
    study = [made_up_ablation(number) for number in range(ablations)]
    names = made_up.write(folder / "results", study)
    (folder / "params.yaml").write_text("", encoding="utf-8")
    (folder / "data" / "settings").mkdir(parents=True)
    (folder / "data" / "settings" / "ablations.json").write_text(json.dumps(names), encoding="utf-8")
    variants = [variant for ablation in study for variant in ablation["variants"]]
    for run in [run for variant in variants for run in (*variant["trials"], *variant["replicates"])]:
        entry = folder / ".runs" / run["run_key"]
        entry.mkdir(parents=True)
        seconds = made_up.times([run["run_key"]])[run["run_key"]].seconds
        (entry / "run.json").write_text(json.dumps({"seconds": seconds}), encoding="utf-8")
    return sum(len(variant["replicates"]) for variant in variants)


def made_up_ablation(number: int) -> Mapping[str, Any]:
    """Return an ablation with variants that differ in size and in accuracy, the same every time."""
    variants = []
    for index in range(VARIANTS):
        variant = made_up.variant(
            f"variant_{index}",
            0.955 + 0.001 * ((7 * index + number) % VARIANTS),
            {"model.layers": [8 + 4 * index]} if index else {},
            tuned=True,
            diverged=(3,) if index == VARIANTS - 1 else (),
            parameters=800 + 300 * index,
        )
        for run in (*variant["trials"], *variant["replicates"]):
            run["run_key"] = f"{number:03d}{run['run_key']}"
        variants.append(variant)
    return made_up.ablation(f"ablation_{number}", variants)


def run_report(folder: Path) -> tuple[float, float, float]:
    """Run the report in a project; return its wall time and processor time in seconds, and its peak memory in MB."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DVC_ROOT": str(folder)}
    command = [sys.executable, "-m", "pipeline", "report"]
    began = time.perf_counter()
    child = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, start_new_session=True
    )
    busy: dict[int, float] = {}
    peak = 0.0
    while child.poll() is None:
        processes = session_of(child.pid)
        busy |= {process: seconds for process, (seconds, _) in processes.items()}
        peak = max(peak, sum(megabytes for _, megabytes in processes.values()))
        time.sleep(SAMPLE_EVERY)
    seconds = time.perf_counter() - began
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} ended with status {child.returncode}")
    return seconds, sum(busy.values()), peak


def session_of(leader: int) -> dict[int, tuple[float, float]]:
    """Return the processor time in seconds and the memory in MB of every process in a session, by process id."""
    processes = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (
                    (entry / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
                )
            except OSError:  # it has ended
                continue
            if int(fields[3]) == leader:
                seconds = (int(fields[11]) + int(fields[12])) / TICKS
                processes[int(entry.name)] = (seconds, int(fields[21]) * PAGE / 1e6)
    return processes


def markdown(cases: Sequence[Case]) -> str:
    """Return the table in docs/performance.md."""
    heads = ["ablations", "replicates", "s", "s an ablation", "s of processors", "s with nothing changed"]
    heads += ["MB", "largest page, kB"]
    rows = [
        [
            str(case.ablations),
            f"{case.replicates:,}",
            f"{case.seconds:g}",
            f"{case.seconds / case.ablations:.2f}",
            f"{case.cpu_seconds:g}",
            f"{case.idle_seconds:g}",
            f"{case.peak_mb:g}",
            f"{case.largest_page_kb:g}",
        ]
        for case in cases
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in [heads, ["---:"] * len(heads), *rows])


def holds(case: Case) -> bool:
    """Return whether a study is within the limits."""
    return case.seconds <= MOST_SECONDS and case.peak_mb <= MOST_MB


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every size of study, one after another."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON line per study")
    parser.add_argument(
        "--ablations", type=int, nargs="+", default=ABLATIONS, help="sizes of the studies (25 50 100)"
    )
    parser.add_argument("--write", type=Path, help="a Markdown file, to update the table between its markers")
    options = parser.parse_args(arguments)
    cases = []
    for ablations in options.ablations:
        cases.append(measure(ablations))
        print(
            json.dumps({**asdict(cases[-1]), "holds": holds(cases[-1])}) if options.json else cases[-1],
            flush=True,
        )
    if options.write is not None:
        write_table(options.write, MARKER, markdown(cases))
    return 0 if holds(cases[-1]) else 1


if __name__ == "__main__":
    sys.exit(main())
