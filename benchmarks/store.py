"""What a store of many runs costs: `python -m benchmarks.store [--json] [--runs 10000] [--dvc] [--write FILE]`.

Makes a project with a finished study in a temporary folder: ablations of 20 tuned variants, five trials and five replicates
each, every run stored, MLflow up to date. Then times the commands that a user runs while there is nothing to train, and
counts the files that they open in the store. `--dvc` adds `dvc repro` from nothing and again, which takes minutes.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.documents import write_table
from pipeline.core.digests import digest
from pipeline.params.load import load
from pipeline.params.types.study import Study
from pipeline.planning.ablation import VariantState
from pipeline.planning.manifests import write_manifest
from pipeline.planning.state import best_replicate, read_states
from pipeline.runs.records import EngineRecord, RunKind, RunRecord
from pipeline.stages.check import write_settings
from pipeline.store import Store
from pipeline.tracking import ledger
from pipeline.tracking.address import default_uri
from pipeline.tracking.required import RequiredExperiment, required_experiments

REPOSITORY = Path(__file__).parents[1]
VARIANTS, TRIALS, SEEDS, EPOCHS = 20, 5, 5, 10
MARKER = "store"
CURVES = ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
EMPTY_ARCHIVE = b"PK\x05\x06" + bytes(18)  # stands in for a `.keras` file


def params(runs: int) -> dict[str, Any]:
    """Return a study of about `runs` runs, one ablation for each 200 of them."""
    count = max(1, runs // (VARIANTS * (TRIALS + SEEDS)))
    variants = {f"wide_{number + 1}": {"model": {"layers": [number + 1]}} for number in range(VARIANTS)}
    tune = {"trials": TRIALS, "space": {"optimizer.learning_rate": {"log": [1e-3, 1e-1]}}}
    return {
        "dataset": "digits",
        "seeds": SEEDS,
        "base": {"model": {"layers": [8]}, "optimizer": "sgd", "training": {"epochs": EPOCHS}},
        "ablations": {
            f"ablation_{number}": {
                "question": "Which width?",
                "base": {"training": {"batch_size": number + 1}},
                "tune": tune,
                "variants": variants,
            }
            for number in range(count)
        },
    }


def make_project(root: Path, runs: int) -> Study:
    """Write a project with a finished study, without training anything."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "params.yaml").write_text(json.dumps(params(runs)), encoding="utf-8")
    study, store = load(root / "params.yaml"), Store(root / ".runs")
    for state in read_states(study, store, root):
        for variant in state.variants:
            choose(store, variant)
        store.runs.put_all([(record, None) for variant in state.variants for record in records(variant)])
        for variant in state.variants:
            best = best_replicate(store, variant, state.metric)
            if best is not None:
                store.runs.model_path(best.key).write_bytes(EMPTY_ARCHIVE)
        write_manifest(store, state, diagnostics=[])
    write_settings(study, root / "data" / "settings")
    pretend_sent(store, default_uri(root))
    return study


def choose(store: Store, state: VariantState) -> None:
    """Freeze a choice with invented trials."""
    search = state.searches[0]
    if search.search is None:
        raise ValueError(f"{state.variant.name} is not tuned")
    rates = [10.0 ** -(1 + number / 2) for number in range(TRIALS)]
    trials = [
        {
            "values": {"optimizer.learning_rate": rate},
            "run_keys": [digest([search.search.key, rate])],
            "score": 0.9 - rate,
            "outcome": "finished",
        }
        for rate in rates
    ]
    search.choice = {"values": trials[-1]["values"], "trials": trials}
    store.choices.put(search.search.key, search.choice)


def records(state: VariantState) -> Iterator[RunRecord]:
    """Yield invented records of all of a variant's runs."""
    for trial in state.trial_runs():
        yield record(trial["run_keys"][0], "trial", 0)
    for run in state.replicates:
        yield record(run.key, "replicate", run.seed)


def record(key: str, kind: RunKind, seed: int) -> RunRecord:
    """Return an invented record, of the size of a real one."""
    luck = int(key[:4], 16) / 0xFFFF / 100
    curve = [round(0.9 - 0.5 / (epoch + 1) + luck, 6) for epoch in range(EPOCHS)]
    last = {"loss": 1.0 - luck, "accuracy": curve[-1], "val_loss": 1.1 - luck, "val_accuracy": curve[-1]}
    return RunRecord(
        key=key,
        recipe={"model": {"layers": [8]}, "optimizer": {"name": "SGD"}},
        dataset="digits",
        seed=seed,
        kind=kind,
        outcome="finished",
        metrics={**last, "test_loss": 1.2 - luck, "test_accuracy": curve[-1]},
        curves=dict.fromkeys(CURVES, curve),
        epochs=EPOCHS,
        best_epoch=EPOCHS,
        parameters=1000,
        seconds=0.1,
        engine=EngineRecord("fused", "one graph", 100, 1),
        device="CPU",
        environment={"keras": "3"},
    )


def pretend_sent(store: Store, uri: str) -> None:
    """Write the ledger as if everything had been sent to MLflow."""
    sent = {name: _sent(experiment) for name, experiment in required_experiments(store).items()}
    ledger.save(store, uri, ledger.Ledger(sent, clean=True))


def _sent(required: RequiredExperiment) -> ledger.SentExperiment:
    runs = {
        name: ledger.SentRun(digest(name), run.fingerprint, run.model) for name, run in required.runs.items()
    }
    return ledger.SentExperiment(digest(required.ablation), required.fingerprint, runs)


def measured(root: Path, case: str, *command: str) -> dict[str, Any]:
    """Run a command of the pipeline in a process of its own; return its times, counts and memory."""
    environment = _environment()
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        watched = [sys.executable, "-m", "benchmarks.watched", file.name, *command]
        started = time.perf_counter()
        subprocess.run(watched, cwd=root, env=environment, check=True, stdout=subprocess.DEVNULL)
        whole = time.perf_counter() - started
        return {
            "case": case,
            **json.loads(Path(file.name).read_text(encoding="utf-8")),
            "wall": round(whole, 3),
        }


def _environment() -> dict[str, str]:
    """Return this process's environment, for projects whose store and database are their own."""
    kept = {
        name: value for name, value in os.environ.items() if name not in ("DVC_ROOT", "MLFLOW_TRACKING_URI")
    }
    path = os.pathsep.join([str(REPOSITORY), *filter(None, [kept.get("PYTHONPATH")])])
    programs = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    return {**kept, "PYTHONPATH": path, "PATH": programs}


def listing(root: Path) -> dict[str, Any]:
    """Time the listing of all runs, which every command begins with."""
    store = Store(root / ".runs")
    times = []
    for _ in range(5):
        started = time.perf_counter()
        store.runs.keys()
        times.append(time.perf_counter() - started)
    return {"case": "keys()", "seconds": round(min(times), 4), "opened": 0, "listed": 1}


def cases(root: Path, study: Study) -> Iterator[dict[str, Any]]:
    """Yield the measurements of each command."""
    first = next(iter(study.ablations))
    yield listing(root)
    yield measured(root, "plan", "plan", "--json")
    yield measured(root, "check", "check", "--settings", "data/settings")
    yield measured(root, "track, nothing new", "track")
    yield measured(root, "ablate, nothing new", "ablate", first, "--ahead")
    yield measured(root, "store list", "store", "list")
    yield measured(root, "store verify", "store", "verify")
    yield measured(root, "store prune, nothing to do", "store", "prune")
    yield measured(root, "store push, everything", "store", "push", str(root / "shared"))
    yield measured(root, "store push, nothing new", "store", "push", str(root / "shared"))
    colleague = root / "colleague"
    colleague.mkdir()
    shutil.copy(root / "params.yaml", colleague)
    yield measured(colleague, "store pull, everything", "store", "pull", str(root / "shared"))
    yield measured(colleague, "plan of the one who pulled", "plan", "--json")


def dvc_cases(root: Path) -> Iterator[dict[str, Any]]:
    """Yield how long `dvc repro` takes where runs are stored but results and pages are missing, and with nothing new."""
    shutil.copytree(REPOSITORY / "pipeline", root / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dvc.yaml", ".dvcignore", ".gitignore"):
        shutil.copy(REPOSITORY / name, root)
    (root / ".dvc").mkdir()
    shutil.copy(REPOSITORY / ".dvc" / "config", root / ".dvc")
    (root / "reports").mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    for case in ("dvc repro, results and pages made again", "dvc repro, nothing new"):
        started = time.perf_counter()
        subprocess.run(["dvc", "repro"], cwd=root, env=_environment(), check=True, stdout=subprocess.DEVNULL)
        yield {"case": case, "seconds": round(time.perf_counter() - started, 1)}


def markdown(measured_cases: Sequence[dict[str, Any]], runs: int) -> str:
    """Return the table in docs/store.md."""
    head = [
        f"| with {runs:,} runs stored | seconds | files of the store opened | MB |",
        "| --- | ---: | ---: | ---: |",
    ]
    rows = []
    for case in measured_cases:
        seconds = case.get("wall", case["seconds"])
        opened, memory = (case.get(name, "") for name in ("opened", "peak_rss_mb"))
        rows.append(f"| {case['case']} | {seconds:.3g} | {opened} | {memory} |")
    return "\n".join(head + rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.store", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON line per case")
    parser.add_argument("--runs", type=int, default=10_000, help="the number of stored runs (10000)")
    parser.add_argument("--dvc", action="store_true", help="measure `dvc repro` too")
    parser.add_argument("--write", type=Path, help="a Markdown file, to update the table between its markers")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "study"
        study = make_project(root, options.runs)
        runs, results = len(Store(root / ".runs").runs.keys()), []
        for case in (*cases(root, study), *(dvc_cases(root) if options.dvc else ())):
            results.append({**case, "runs": runs})
            print(json.dumps(results[-1]) if options.json else results[-1], flush=True)
    if options.write is not None:
        write_table(options.write, MARKER, markdown(results, runs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
