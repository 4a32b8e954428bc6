"""How fast stacks train in each kind of executor, and what limits a cluster, all measured in one run.

    python -m benchmarks.executors [--json] [--case cnn] [--write docs/scale.md]

Executors train the same stacks in turns, and the fastest turn of each counts; the first turn, which includes starting and
compiling, is reported apart as `first`. Fashion-MNIST where ABLATION_DATA_MIRROR has it, else digits. The limits of a
cluster are derived from the packed sizes of real stacks, the time that this process takes to form, unpack and store a run,
and the core-seconds of a run.
"""

import argparse
import json
import os
import tempfile
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.documents import write_table
from benchmarks.quiet import Quiet

if TYPE_CHECKING:
    from pipeline.engine.stacks import Stack
    from pipeline.executors.protocol import Executor
    from pipeline.runs.run import Run

TURNS = 2
GIGABIT = 125e6
"""Bytes per second."""
HOUR = 3600
MANY_CORES = 100
"""Cores of the cluster that the limits are compared with."""
MANY_RUNS = 2000
"""Runs that are formed into stacks, to measure how long that takes."""
CNN = [{"filters": 16, "kernel_size": 3}, {"name": "MaxPooling2D"}, "flatten", 32]


@dataclass(frozen=True)
class Case:
    """A net, and how many models of it train, in `graphs` batch sizes, so that there are stacks for every worker."""

    name: str
    layers: list[Any]
    optimizer: str
    models: int
    epochs: int
    images: int | None
    dataset: str
    graphs: int = 1


def cases() -> list[Case]:
    """Return the cases, on the data sets that are available."""
    large = "fashion_mnist" if os.environ.get("ABLATION_DATA_MIRROR") else "digits"
    return [
        Case("cnn", CNN, "lamb", 4, 1, 1000, large),
        Case("mlp", [300, 100], "nadam", 32, 1, 1000, large, graphs=2),
        Case("small", [64, 32], "nadam", 100, 20, None, "digits", graphs=2),
    ]


def measure(case: Case, ways: Sequence[str]) -> dict[str, Any]:
    """Return the seconds that each executor (`ways`) takes for a case's stacks, and the limits of a cluster."""
    from pipeline.core.machine import cores
    from pipeline.engine.datasets import DatasetCache
    from pipeline.engine.environment import set_up
    from pipeline.engine.model_cache import ModelCache
    from pipeline.engine.stacks import Engine
    from pipeline.executors.choose import executor
    from pipeline.params.types.executor import ExecutorSpec
    from pipeline.store import Store

    set_up("float32")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as entered:
        root = _project(case.dataset)
        engine = Engine(ModelCache(DatasetCache(root)))
        stacks = engine.stacks(list(_runs(case, root)))
        formed = _formed(engine, case, root)
        specs = {way: _spec(ExecutorSpec, way) for way in ways}
        executors = {
            way: entered.enter_context(executor(spec, engine, "float32", root, Store(Path(folder, way))))
            for way, spec in specs.items()
        }
        first = {way: _turn(made, stacks) for way, made in executors.items()}
        turns = [{way: _turn(made, stacks) for way, made in executors.items()} for _ in range(TURNS)]
        seconds = {way: min(turn[way] for turn in turns) for way in ways}
        sizes = _sizes(executors["local"], stacks, Path(folder, "store"))
    runs = sum(len(stack.runs) for stack in stacks)
    core_seconds = seconds["local"] * cores() / runs
    return {
        "case": case.name,
        "models": runs,
        "stacks": len(stacks),
        "cores": cores(),
        "seconds": {way: round(value, 2) for way, value in seconds.items()},
        "first": {way: round(value, 1) for way, value in first.items()},
        "times_local": {way: round(seconds["local"] / seconds[way], 2) for way in ways},
        "core_seconds_per_run": round(core_seconds, 3),
        **formed,
        **sizes,
        **_limits(core_seconds, formed["formed_runs_per_second"], sizes),
    }


def _limits(core_seconds: float, formed: float, sizes: dict[str, Any]) -> dict[str, int]:
    """Return the limits of this process and of the network, in cores kept busy and in runs an hour."""
    # One process forms and stores, one after the other.
    handled = 1 / (1 / formed + 1 / sizes["stored_runs_per_second"])
    carried = GIGABIT / (1000 * (sizes["kb_sent_per_run"] + sizes["kb_returned_per_run"]))
    return {
        "process_feeds_cores": round(core_seconds * handled),
        "gigabit_feeds_cores": round(core_seconds * carried),
        "many_cores_runs_per_hour": round(MANY_CORES * HOUR / core_seconds),
        "process_runs_per_hour": round(HOUR * handled),
        "gigabit_runs_per_hour": round(HOUR * carried),
    }


def _spec(kind: Any, way: str) -> Any:
    return kind(kind=way, address="local") if way == "ray" else kind(kind=way)


def _project(dataset: str) -> Path:
    from pipeline.data.fetch import fetch
    from pipeline.data.prepare import prepare

    root = Path(tempfile.gettempdir()) / "ablation-benchmark"
    fetch(dataset, root, None)
    prepare(dataset, root)
    return root


def _runs(case: Case, root: Path) -> "Iterator[Run]":
    from pipeline.data import catalogue
    from pipeline.params.types.recipe import Recipe
    from pipeline.runs.run import Context, Run

    context = Context(case.dataset, catalogue.digest(case.dataset, root), 0, "float32")
    for graph in range(case.graphs):
        recipe = Recipe.model_validate(
            {
                "data": {"limit": case.images},
                "model": {"layers": case.layers, "initializer": "he_normal"},
                "optimizer": {"name": case.optimizer, "learning_rate": 1e-3},
                "training": {"epochs": case.epochs, "batch_size": 32 + graph},
            }
        )
        yield from (Run(recipe, context, "replicate", seed) for seed in range(case.models // case.graphs))


def _turn(executor: "Executor", stacks: "Sequence[Stack]") -> float:
    start = time.perf_counter()
    for _ in executor.train(stacks, Quiet()):
        pass
    return time.perf_counter() - start


def _formed(engine: Any, case: Case, root: Path) -> dict[str, Any]:
    """Return how many runs per second get their keys and their stacks, and the memory of each."""
    many = replace(case, models=MANY_RUNS)
    # The first call measures the best sizes, which are remembered.
    engine.stacks(list(_runs(many, root)))
    tracemalloc.start()
    formed = engine.stacks(list(_runs(many, root)))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    count = sum(len(stack.runs) for stack in formed)
    del formed
    start = time.perf_counter()
    formed = engine.stacks(list(_runs(many, root)))
    taken = time.perf_counter() - start
    return {
        "formed_runs_per_second": round(count / taken),
        "kb_held_per_run": round(held / count / 1000, 1),
        "runs_per_stack": round(count / len(formed)),
    }


def _sizes(executor: "Executor", stacks: "Sequence[Stack]", folder: Path) -> dict[str, Any]:
    """Return the bytes sent and returned per run, and how fast this process unpacks and stores runs."""
    from pipeline.executors.serialization import (
        from_bytes,
        pack_stack,
        pack_trained,
        to_bytes,
        unpack_trained,
    )
    from pipeline.store import Store

    trained = list(executor.train(stacks, Quiet()))
    messages = [to_bytes(*pack_trained(runs)) for runs in trained]
    count, store = sum(map(len, trained)), Store(folder)
    start = time.perf_counter()
    for message in messages:
        store.runs.put_all([(run.record, run.weights) for run in unpack_trained(*from_bytes(message))])
    taken = time.perf_counter() - start
    return {
        "kb_sent_per_run": round(sum(len(pack_stack(stack)) for stack in stacks) / count / 1000, 2),
        "kb_returned_per_run": round(sum(map(len, messages)) / count / 1000, 1),
        "stored_runs_per_second": round(count / taken),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every requested case."""
    parser = argparse.ArgumentParser("python -m benchmarks.executors", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON line per case")
    parser.add_argument("--case", help="only this case")
    parser.add_argument("--ray", action="store_true", help="also a Ray cluster of this machine")
    parser.add_argument(
        "--write", type=Path, help="a Markdown file, to update the tables between its markers"
    )
    options = parser.parse_args(arguments)
    ways = ["local", "processes", *(["ray"] if options.ray else [])]
    measured = []
    for case in cases():
        if options.case in (None, case.name):
            measured.append(measure(case, ways))
            print(json.dumps(measured[-1]) if options.json else _line(measured[-1]), flush=True)
    if options.write:
        write_table(options.write, "executors", _speed_table(measured, ways))
        write_table(options.write, "limits", _limits_table(measured))
        write_table(options.write, "ends", _ends_table(measured))


def _line(case: dict[str, Any]) -> str:
    ways = ", ".join(f"{way} {value:g} s" for way, value in case["seconds"].items())
    return f"{case['case']}, {case['models']} models: {ways}; this process feeds {case['process_feeds_cores']} cores"


def _speed_table(measured: Sequence[dict[str, Any]], ways: Sequence[str]) -> str:
    """Return a table of each case's seconds by executor."""
    heads = [
        "case",
        "models",
        "stacks",
        *(f"`{way}`, s" for way in ways),
        *(f"`{way}`, first, s" for way in ways),
    ]
    others = [way for way in ways if way != "local"]
    rows = [
        [
            case["case"],
            *(str(case[name]) for name in ("models", "stacks")),
            *(f"{case['seconds'][way]:.3g}" for way in ways),
            *(f"{case['first'][way]:.3g}" for way in ways),
            *(f"{case['times_local'][way]:.2f}" for way in others),
        ]
        for case in measured
    ]
    return _table([*heads, *(f"times `local`: `{way}`" for way in others)], rows)


def _limits_table(measured: Sequence[dict[str, Any]]) -> str:
    """Return a table of what a run costs besides its training."""
    return _numbers(
        measured,
        {
            "core_seconds_per_run": "core-seconds a run",
            "runs_per_stack": "runs a stack holds",
            "formed_runs_per_second": "runs formed a second",
            "kb_held_per_run": "kB held a run",
            "kb_sent_per_run": "kB sent a run",
            "kb_returned_per_run": "kB returned a run",
            "stored_runs_per_second": "runs stored a second",
        },
    )


def _ends_table(measured: Sequence[dict[str, Any]]) -> str:
    """Return a table of the runs an hour, and the cores, at which each limit is reached."""
    return _numbers(
        measured,
        {
            "many_cores_runs_per_hour": f"runs an hour on {MANY_CORES} cores",
            "process_runs_per_hour": "limit of this process, runs an hour",
            "process_feeds_cores": "reached with cores",
            "gigabit_runs_per_hour": "limit of 1 Gbit/s, runs an hour",
            "gigabit_feeds_cores": "reached with cores",
        },
    )


def _numbers(measured: Sequence[dict[str, Any]], columns: dict[str, str]) -> str:
    rows = [[case["case"], *(f"{case[name]:,}" for name in columns)] for case in measured]
    return _table(["case", *columns.values()], rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    main()
