"""One study and many faults: `python -m benchmarks.chaos [--json] [--faults 50] [--seed 0] [--write FILE]`.

A small study on digits is run undisturbed. The same study is then run again and again, disturbed by faults of every
kind, at moments drawn from a seed, each followed by `dvc repro`. DVC's hashes must then equal those of the undisturbed
study. Ends with one JSON line: `faults`, and how often a finished run was `lost`, `duplicated` (in MLflow, or left half
moved in the store) or `retrained` although it was not damaged; `different` results; `tracebacks` where a message should
have been. Exit status 1 unless all but the first are 0. Progress goes to stderr.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from benchmarks import small
from benchmarks.documents import write_table
from pipeline.params.patches import merge
from pipeline.store import Store
from pipeline.store.runs import CURVES, RUN, WEIGHTS

REPOSITORY = Path(__file__).parents[1]
MARKER = "chaos"
# What Python prints for Ctrl-C while it starts itself, before it has read any code of ours.
PYTHONS_OWN = re.compile("Fatal Python error: init_import_site.*?KeyboardInterrupt", re.DOTALL)
LONGEST = 600.0
"""Seconds that one `dvc repro` may take."""
PARAMS = merge(
    small.PARAMS,
    {
        "seeds": 2,
        # Trains long enough to be disturbed.
        "base": {
            "data": {"limit": 300, "validation": 60},
            "training": {"epochs": 40, "batch_size": 4},
        },
        "ablations": {"width": {"variants": {"twenty": {"model": {"layers": [20]}}}}},
    },
)


@dataclass
class Tally:
    """The faults so far by kind, and how often each bad outcome followed."""

    faults: Counter[str] = field(default_factory=Counter)
    bad: Counter[str] = field(default_factory=Counter)

    def line(self) -> dict[str, int]:
        """Return the counts of the last line."""
        names = ("lost", "duplicated", "retrained", "different", "tracebacks")
        return {"faults": self.faults.total(), **{name: self.bad[name] for name in names}}


class Project:
    """A study in a folder of its own: git, DVC, and the processes that run in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = Store(root / ".runs")

    @classmethod
    def make(cls, root: Path) -> "Project":
        """Return a new repository with the pipeline and the study, its data prepared."""
        root.mkdir()
        shutil.copytree(
            REPOSITORY / "pipeline", root / "pipeline", ignore=shutil.ignore_patterns("__pycache__")
        )
        for name in ("dvc.yaml", ".dvcignore", ".gitignore"):
            shutil.copy(REPOSITORY / name, root)
        (root / ".dvc").mkdir()
        shutil.copy(REPOSITORY / ".dvc" / "config", root / ".dvc")
        (root / "reports").mkdir()
        (root / "params.yaml").write_text(json.dumps(PARAMS), encoding="utf-8")
        subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
        project = cls(root)
        project.repro("prepare")
        return project

    def start(self, *targets: str) -> "subprocess.Popen[str]":
        """Start `dvc repro` in a session of its own."""
        return subprocess.Popen(
            ["dvc", "repro", *targets],
            cwd=self.root,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def repro(self, *targets: str) -> str:
        """Run `dvc repro` to its end and return what it printed; raises `RuntimeError` where it fails."""
        process = self.start(*targets)
        output, _ = process.communicate(timeout=LONGEST)
        if process.returncode:
            raise RuntimeError(f"dvc repro ended with {process.returncode}:\n{output}")
        return output

    def processes(self, *words: str) -> list[int]:
        """Return the processes in this folder that have all of `words` in their command line."""
        ids = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    here = (entry / "cwd").resolve() == self.root.resolve()
                except OSError:
                    continue
                if here and line and all(word in line for word in words):
                    ids.append(int(entry.name))
        return ids

    def end_all(self) -> None:
        """Wait for processes that still run here, and kill those that do not end."""
        deadline = time.monotonic() + 60
        while (left := self.processes("pipeline")) and time.monotonic() < deadline:
            time.sleep(0.2)
        for process in left:
            kill(process, signal.SIGKILL)

    def is_finished(self) -> bool:
        """Return whether DVC has recorded every ablation as finished."""
        lock = self.root / "dvc.lock"
        return all(f"ablate@{name}" in lock.read_text(encoding="utf-8") for name in PARAMS["ablations"])

    def hashes(self) -> dict[str, Any]:
        """Return DVC's hashes of every stage's outputs and metrics."""
        lock = YAML(typ="safe", pure=True).load((self.root / "dvc.lock").read_text(encoding="utf-8"))
        return {
            name: {out["path"]: out["md5"] for out in stage.get("outs", ())}
            for name, stage in lock["stages"].items()
        }

    def written(self) -> dict[str, int]:
        """Return the inode of every finished run's record: another one means that it was trained again."""
        paths = {key: self.store.folder / key / RUN for key in sorted(self.store.runs.keys())}
        return {key: path.stat().st_ino for key, path in paths.items() if path.is_file()}

    def in_mlflow(self) -> Counter[tuple[str, str]]:
        """Return how often MLflow shows each run of each ablation, read from its database."""
        query = (
            "select e.name, t.value from runs r join experiments e on e.experiment_id = r.experiment_id "
            "join tags t on t.run_uuid = r.run_uuid and t.key = 'run_key' "
            "where r.lifecycle_stage = 'active' and e.lifecycle_stage = 'active'"
        )
        with closing(sqlite3.connect(self.root / "mlflow.db")) as database:
            return Counter((name, key) for name, key in database.execute(query))


def environment() -> dict[str, str]:
    """Return this process's environment for a project of its own."""
    kept = {
        name: value for name, value in os.environ.items() if name not in ("DVC_ROOT", "MLFLOW_TRACKING_URI")
    }
    kept.pop("PYTHONPATH", None)
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


def kill(process: int, how: signal.Signals) -> bool:
    """Send a signal; return whether the process still existed."""
    try:
        os.kill(process, how)
    except ProcessLookupError:
        return False
    return True


class Chaos:
    """Disturbs one project, and compares it with an undisturbed one."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.tally = Tally()
        report("an undisturbed study, to compare with")
        self.template = Project.make(folder / "template")
        self.peaceful = self._copy(folder / "peaceful")
        started = time.monotonic()
        self.peaceful.repro()
        self.seconds = time.monotonic() - started
        self.project = self._copy(folder / "disturbed")

    def _copy(self, root: Path) -> Project:
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(self.template.root, root, symlinks=True)
        return Project(root)

    def run(self, faults: int) -> None:
        """Inflict at least `faults` faults, in cycles: some while a study trains, then some on the finished study."""
        while self.tally.faults.total() < faults:
            self.project.end_all()
            self.project = self._copy(self.project.root)
            for kind in self.random.sample(sorted(WHILE_TRAINING), len(WHILE_TRAINING)):
                if self.project.is_finished():
                    self._recover("what came while training", {})
                    self.project = self._copy(self.project.root)
                self._inflict(kind, WHILE_TRAINING[kind])
            self._recover("what came while training", {})
            for kind in self.random.sample(sorted(ON_FINISHED), len(ON_FINISHED)):
                before = self.project.written()
                damaged = self._inflict(kind, ON_FINISHED[kind])
                self._recover(kind, {key: inode for key, inode in before.items() if key not in damaged})
        self.project.end_all()

    def _inflict(self, kind: str, fault: "Fault") -> set[str]:
        """Inflict a fault; return the runs that it damaged."""
        before = self.project.written() if self.project.store.folder.is_dir() else {}
        report(kind)
        outcome = fault(self)
        self.tally.faults[kind] += outcome.came
        self._judge(kind, outcome.output, before, outcome.damaged)
        return outcome.damaged

    def _recover(self, kind: str, undamaged: dict[str, int]) -> None:
        """Run `dvc repro`, and compare everything with the undisturbed study."""
        try:
            output = self.project.repro()
            self.project.end_all()
        except RuntimeError as error:
            self._count("different", kind, str(error))
            return
        self._judge(kind, output, undamaged, set())
        if self.project.hashes() != self.peaceful.hashes():
            self._count("different", kind, "DVC's hashes differ")
        required = {key for keys in self.peaceful.store.manifests.run_keys().values() for key in keys}
        lost = required - self.project.store.runs.keys()
        if lost:
            self._count("lost", kind, f"{len(lost)} runs are not in the store")
        if self.project.in_mlflow() != self.peaceful.in_mlflow():
            extra = self.project.in_mlflow() - self.peaceful.in_mlflow()
            name = "duplicated" if extra else "lost"
            self._count(name, kind, f"MLflow shows {self.project.in_mlflow().total()} runs")
        if halves := [*self.project.store.folder.glob(".whole-*"), *self.project.store.folder.glob(".tmp-*")]:
            self._count("duplicated", kind, f"{len(halves)} half-moved folders")

    def _judge(self, kind: str, output: str, before: dict[str, int], damaged: set[str]) -> None:
        """Count tracebacks, and runs trained again that were stored `before` (key -> inode) and not damaged."""
        if "Traceback" in PYTHONS_OWN.sub("", output):
            self._count("tracebacks", kind, output)
        elif lines := [line for line in output.splitlines() if line.strip()]:
            report(f"    … {lines[-1]}")
        now = self.project.written()
        again = [
            key for key, inode in before.items() if key not in damaged and key in now and now[key] != inode
        ]
        if again:
            self._count("retrained", kind, f"{len(again)} undamaged runs trained again")

    def _count(self, name: str, kind: str, why: str) -> None:
        self.tally.bad[name] += 1
        report(f"BAD {name} after {kind}: {why}")

    def moment(self) -> float:
        """Return a random moment of a `dvc repro` that trains, in seconds from its start."""
        return self.random.uniform(0.1, 0.95) * self.seconds


@dataclass(frozen=True)
class Outcome:
    """What was printed during a fault, and which runs it damaged; `came` is False where the study ended before the fault."""

    output: str = ""
    damaged: set[str] = field(default_factory=set)
    came: bool = True


Fault = Callable[[Chaos], Outcome]


def _signalled(chaos: Chaos, strike: Callable[["subprocess.Popen[str]"], object]) -> Outcome:
    process = chaos.project.start()
    try:
        output, _ = process.communicate(timeout=chaos.moment())
        return Outcome(output, came=False)
    except subprocess.TimeoutExpired:
        strike(process)
    output, _ = process.communicate(timeout=LONGEST)
    return Outcome(output)


def stage_killed(chaos: Chaos) -> Outcome:
    """SIGKILL whichever stage is running."""
    return _signalled(
        chaos, lambda _: [kill(stage, signal.SIGKILL) for stage in chaos.project.processes("-m pipeline ")]
    )


def dvc_killed(chaos: Chaos) -> Outcome:
    """SIGKILL DVC; the stage that it started keeps running, also when the next `dvc repro` starts."""
    return _signalled(chaos, lambda process: kill(process.pid, signal.SIGKILL))


def worker_killed(chaos: Chaos) -> Outcome:
    """SIGKILL the process that sends runs to MLflow."""
    process = chaos.project.start()
    while process.poll() is None and not (workers := chaos.project.processes("pipeline.tracking.worker")):
        time.sleep(0.1)
    came = False
    if process.poll() is None:
        time.sleep(chaos.random.uniform(0, chaos.seconds / 2))
        came = sum(kill(worker, signal.SIGKILL) for worker in workers) > 0
    output, _ = process.communicate(timeout=LONGEST)
    return Outcome(output, came=came)


def interrupted(chaos: Chaos) -> Outcome:
    """Ctrl-C, as a terminal sends it: to DVC and the stage alike."""
    return _signalled(chaos, lambda process: os.killpg(process.pid, signal.SIGINT))


def twice_at_once(chaos: Chaos) -> Outcome:
    """Start two `dvc repro` together."""
    both = [chaos.project.start(), chaos.project.start()]
    return Outcome("".join(process.communicate(timeout=LONGEST)[0] for process in both))


def disk_full(chaos: Chaos) -> Outcome:
    """Mount a file system of 60 kB over the store; without the right to, forbid files above 512 bytes."""
    with _small_disk(chaos.project.store.folder) as mounted:
        if mounted:
            process = chaos.project.start()
            output, _ = process.communicate(timeout=LONGEST)
            chaos.project.end_all()
            return Outcome(output)
    command = f"ulimit -f 1; exec {sys.executable} -m pipeline ablate width"
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=chaos.project.root,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    return Outcome(done.stdout + done.stderr)


@contextmanager
def _small_disk(folder: Path) -> Iterator[bool]:
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=60k", "chaos", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=False)


def _damage(chaos: Chaos, harm: Callable[[Path], object]) -> Outcome:
    """Damage one file of one replicate, then verify the store and train the ablation again."""
    keys = sorted(chaos.project.store.manifests.run_keys()[("width", "replicate")])
    key = chaos.random.choice(keys)
    names = [RUN, CURVES] if harm is unreadable else [RUN, CURVES, WEIGHTS]
    path = chaos.project.store.folder / key / chaos.random.choice(names)
    harm(path)
    output = ""
    for command in (["store", "verify"], ["ablate", "width"]):
        done = subprocess.run(
            [sys.executable, "-m", "pipeline", *command],
            cwd=chaos.project.root,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        output += done.stdout + done.stderr
    named = f"removed {key}" in output
    return Outcome(output if named else f"Traceback: {path} was not found damaged\n{output}", {key})


def truncated(path: Path) -> None:
    """Cut a file in half."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    """Empty a file, as a power cut can."""
    path.write_bytes(b"")


def unreadable(path: Path) -> None:
    """Replace a file with a folder, which root cannot read either."""
    path.unlink()
    path.mkdir()


def data_corrupted(chaos: Chaos) -> Outcome:
    """Flip a bit of a data file, raw or prepared."""
    files = sorted(path for path in chaos.project.root.glob("data/*/digits/*") if path.is_file())
    path = chaos.random.choice([file for file in files if file.suffix != ".json"])
    content = bytearray(path.read_bytes())
    content[chaos.random.randrange(len(content))] ^= 1
    path.unlink()  # DVC may have linked it to its cache
    path.write_bytes(content)
    return Outcome()


def database_deleted(chaos: Chaos) -> Outcome:
    """Remove MLflow's database."""
    for path in chaos.project.root.glob("mlflow.db*"):
        path.unlink()
    return Outcome()


def database_locked(chaos: Chaos) -> Outcome:
    """Lock MLflow's database for some seconds while everything has to be sent again."""
    shutil.rmtree(chaos.project.store.folder / ".tracking")
    with closing(sqlite3.connect(chaos.project.root / "mlflow.db", isolation_level=None)) as database:
        database.execute("begin exclusive")
        process = chaos.project.start()
        time.sleep(chaos.random.uniform(1, 15))
    output, _ = process.communicate(timeout=LONGEST)
    return Outcome(output)


WHILE_TRAINING: dict[str, Fault] = {
    "the stage killed": stage_killed,
    "DVC killed": dvc_killed,
    "the tracking process killed": worker_killed,
    "Ctrl-C": interrupted,
    "the disk full": disk_full,
    "two `dvc repro` at once": twice_at_once,
}
ON_FINISHED: dict[str, Fault] = {
    "a store entry truncated": lambda chaos: _damage(chaos, truncated),
    "a store entry emptied": lambda chaos: _damage(chaos, emptied),
    "a store entry unreadable": lambda chaos: _damage(chaos, unreadable),
    "a data file corrupted": data_corrupted,
    "the database deleted": database_deleted,
    "the database locked": database_locked,
}


def report(line: str) -> None:
    """Report progress."""
    print(f"[{time.strftime('%H:%M:%S')}] {line}", file=sys.stderr, flush=True)


def markdown(tally: Tally) -> str:
    """Return the table in docs/faults.md."""
    rows = [f"| {kind} | {count} |" for kind, count in sorted(tally.faults.items())]
    line = tally.line()
    counts = ", ".join(f"{name} {count}" for name, count in line.items() if name != "faults")
    return "\n".join(
        ["| fault | times |", "| --- | ---: |", *rows, f"| **in all** | **{line['faults']}** |", "", counts]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Inflict faults and print the tally."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the last line alone")
    parser.add_argument("--faults", type=int, default=50, help="the least number of faults (50)")
    parser.add_argument("--seed", type=int, default=0, help="the seed of the random moments (0)")
    parser.add_argument("--write", type=Path, help="a Markdown file, to update the table between its markers")
    options = parser.parse_args(arguments)
    # Ctrl-C is ignored in a process that was started in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as folder:
        chaos = Chaos(Path(folder), options.seed)
        with suppress(KeyboardInterrupt):  # Ctrl-C ends it early, with the tally so far
            chaos.run(options.faults)
        tally = chaos.tally
    if not options.json:
        print(markdown(tally))
    if options.write is not None:
        write_table(options.write, MARKER, markdown(tally))
    print(json.dumps(tally.line()))
    return 1 if tally.bad else 0


if __name__ == "__main__":
    sys.exit(main())
