"""How a store of many runs behaves: `python -m benchmarks.store [--json] [--runs 10000] [--dvc] [--write FILE]`.

Makes a project in a temporary folder whose study is finished: ablations of 20 tuned variants, five trials and five
replicates each, every run stored, MLflow up to date. Then times what a user does with it while nothing is to be trained,
and counts the files that are opened in the store. `--dvc` adds `dvc repro` from nothing and again, which takes minutes.
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
from pipeline.manifests import write_manifest
from pipeline.params.load import load
from pipeline.params.schema import Study
from pipeline.records import EngineRecord, Phase, RunRecord
from pipeline.runs import digest
from pipeline.settings import write_settings
from pipeline.store import Store
from pipeline.survey import VariantState, best_replicate, survey
from pipeline.tracking import ledger
from pipeline.tracking.address import default_uri
from pipeline.tracking.wanted import WantedExperiment, wanted

REPOSITORY = Path(__file__).parents[1]
VARIANTS, TRIALS, SEEDS, EPOCHS = 20, 5, 5, 10
MARKER = "store"
CURVES = ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
EMPTY_ARCHIVE = b"PK\x05\x06" + bytes(18)  # stands in for a `.keras` file


def params(runs: int) -> dict[str, Any]:
    """Return a study of about so many runs, one ablation for each 200 of them."""
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
    """Write a project whose study is finished, without training anything."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "params.yaml").write_text(json.dumps(params(runs)), encoding="utf-8")
    study, store = load(root / "params.yaml"), Store(root / ".runs")
    for state in survey(study, store, root):
        for each in state.variants:
            choose(store, each)
        store.put_all([(record, None) for each in state.variants for record in records(each)])
        for each in state.variants:
            best = best_replicate(store, each, state.spec.metric)
            assert best is not None
            store.model_path(best.key).write_bytes(EMPTY_ARCHIVE)
        write_manifest(store, state, looks=[])
    write_settings(study, root / "data" / "settings")
    pretend_sent(store, default_uri(root))
    return study


def choose(store: Store, state: VariantState) -> None:
    """Freeze a choice with made-up trials."""
    assert state.search is not None
    rates = [10.0 ** -(1 + number / 2) for number in range(TRIALS)]
    trials = [
        {
            "values": {"optimizer.learning_rate": rate},
            "run_keys": [digest([state.search.key, rate])],
            "score": 0.9 - rate,
            "outcome": "finished",
        }
        for rate in rates
    ]
    state.choice = {"values": trials[-1]["values"], "trials": trials}
    store.put_choice(state.search.key, state.choice)


def records(state: VariantState) -> Iterator[RunRecord]:
    """Yield made-up records of all of a variant's runs."""
    for trial in state.trial_runs():
        yield record(trial["run_keys"][0], "trial", 0)
    for run in state.replicates:
        yield record(run.key, "replicate", run.seed)


def record(key: str, phase: Phase, seed: int) -> RunRecord:
    """Return a made-up record, of the size of a real one."""
    luck = int(key[:4], 16) / 0xFFFF / 100
    curve = [round(0.9 - 0.5 / (epoch + 1) + luck, 6) for epoch in range(EPOCHS)]
    last = {"loss": 1.0 - luck, "accuracy": curve[-1], "val_loss": 1.1 - luck, "val_accuracy": curve[-1]}
    return RunRecord(
        key=key,
        recipe={"model": {"layers": [8]}, "optimizer": {"name": "SGD"}},
        dataset="digits",
        seed=seed,
        phase=phase,
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
    """Write the ledger that would be there had everything been sent to MLflow."""
    sent = {name: _sent(wish) for name, wish in wanted(store).items()}
    ledger.save(store, uri, ledger.Ledger(sent, clean=True))


def _sent(wish: WantedExperiment) -> ledger.SentExperiment:
    runs = {name: ledger.SentRun(digest(name), run.fingerprint, run.model) for name, run in wish.runs.items()}
    return ledger.SentExperiment(digest(wish.ablation), wish.fingerprint, runs)


def measured(root: Path, case: str, *command: str) -> dict[str, Any]:
    """Run a command of the pipeline in a process of its own; return what it took."""
    environment = _environment()
    with tempfile.NamedTemporaryFile(suffix=".json") as found:
        watched = [sys.executable, "-m", "benchmarks.watched", found.name, *command]
        started = time.perf_counter()
        subprocess.run(watched, cwd=root, env=environment, check=True, stdout=subprocess.DEVNULL)
        whole = time.perf_counter() - started
        return {
            "case": case,
            **json.loads(Path(found.name).read_text(encoding="utf-8")),
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
    """Time what everything begins with: which runs are there."""
    store = Store(root / ".runs")
    times = []
    for _ in range(5):
        started = time.perf_counter()
        store.keys()
        times.append(time.perf_counter() - started)
    return {"case": "keys()", "seconds": round(min(times), 4), "opened": 0, "listed": 1}


def cases(root: Path, study: Study) -> Iterator[dict[str, Any]]:
    """Yield what each command took, the cheapest first."""
    first = next(iter(study.ablations))
    yield listing(root)
    yield measured(root, "plan", "plan", "--json")
    yield measured(root, "check", "check", "--settings", "data/settings")
    yield measured(root, "track, nothing new", "track")
    yield measured(root, "ablate, nothing new", "ablate", first, "--ahead")
    yield measured(root, "store list", "store", "list")
    yield measured(root, "store verify", "store", "verify")
    yield measured(root, "store prune, nothing to do", "store", "prune")


def dvc_cases(root: Path) -> Iterator[dict[str, Any]]:
    """Yield how long `dvc repro` takes where all runs are stored and nothing else is there, and with nothing new."""
    shutil.copytree(REPOSITORY / "pipeline", root / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dvc.yaml", ".dvcignore", ".gitignore"):
        shutil.copy(REPOSITORY / name, root)
    (root / ".dvc").mkdir()
    shutil.copy(REPOSITORY / ".dvc" / "config", root / ".dvc")
    (root / "reports").mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    for case in ("dvc repro, results and pages made anew", "dvc repro, nothing new"):
        started = time.perf_counter()
        subprocess.run(["dvc", "repro"], cwd=root, env=_environment(), check=True, stdout=subprocess.DEVNULL)
        yield {"case": case, "seconds": round(time.perf_counter() - started, 1)}


def markdown(found: Sequence[dict[str, Any]], runs: int) -> str:
    """Return the table that docs/performance.md holds."""
    head = [
        f"| with {runs:,} runs stored | seconds | files of the store opened | MB |",
        "| --- | ---: | ---: | ---: |",
    ]
    rows = []
    for each in found:
        seconds = each.get("wall", each["seconds"])
        opened, memory = (each.get(name, "") for name in ("opened", "peak_rss_mb"))
        rows.append(f"| {each['case']} | {seconds:.3g} | {opened} | {memory} |")
    return "\n".join(head + rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.store", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON line a case")
    parser.add_argument("--runs", type=int, default=10_000, help="how many runs the store holds (10000)")
    parser.add_argument("--dvc", action="store_true", help="measure `dvc repro` too")
    parser.add_argument("--write", type=Path, help="a Markdown file whose table between markers is renewed")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "study"
        study = make_project(root, options.runs)
        runs, found = len(Store(root / ".runs").keys()), []
        for case in (*cases(root, study), *(dvc_cases(root) if options.dvc else ())):
            found.append({**case, "runs": runs})
            print(json.dumps(found[-1]) if options.json else found[-1], flush=True)
    if options.write is not None:
        write_table(options.write, MARKER, markdown(found, runs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
