"""How fast stacks train in each kind of executor, and what bounds a cluster, all measured in one run.

    python -m benchmarks.executors [--json] [--case cnn] [--write docs/scale.md]

Executors train the same stacks in turns, and the fastest turn of each counts; starting and compiling are in the first turn,
told apart as `first`. Fashion-MNIST where ABLATION_DATA_MIRROR has it, else digits. What bounds a cluster is derived from
the packed sizes of real stacks, the time this process takes to unpack and store a run, and the core-seconds a run takes.
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
    from pipeline.engine.auto import Stack
    from pipeline.executors.protocol import Executor
    from pipeline.runs import Run

TURNS = 2
GIGABIT = 125e6  # bytes a second
HOUR = 3600
MANY_CORES = 100  # of the cluster whose runs an hour are set beside what its bounds allow
MANY_RUNS = 2000  # formed to measure how fast that goes
CNN = [{"filters": 16, "kernel_size": 3}, {"name": "MaxPooling2D"}, "flatten", 32]


@dataclass(frozen=True)
class Case:
    """A net, and the runs of it that train: `graphs` batch sizes of it, so that there are stacks for every worker."""

    name: str
    layers: list[Any]
    optimizer: str
    models: int
    epochs: int
    images: int | None
    dataset: str
    graphs: int = 1


def cases() -> list[Case]:
    """Return the cases, on the data sets that are at hand."""
    large = "fashion_mnist" if os.environ.get("ABLATION_DATA_MIRROR") else "digits"
    return [
        Case("cnn", CNN, "lamb", 4, 1, 1000, large),
        Case("mlp", [300, 100], "nadam", 32, 1, 1000, large, graphs=2),
        Case("small", [64, 32], "nadam", 100, 20, None, "digits", graphs=2),
    ]


def measure(case: Case, ways: Sequence[str]) -> dict[str, Any]:
    """Return the seconds that each executor takes for a case's stacks, and what that means for a cluster."""
    from pipeline.engine.auto import Engine
    from pipeline.engine.driver import Workshop
    from pipeline.engine.environment import set_up
    from pipeline.engine.views import Shelf
    from pipeline.engine.workers import cores
    from pipeline.executors.choose import executor
    from pipeline.params.executor import ExecutorSpec
    from pipeline.store import Store

    set_up("float32")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as entered:
        root = _project(case.dataset)
        engine = Engine(Workshop(Shelf(root)))
        stacks = engine.stacks(list(_runs(case, root)))
        formed = _formed(engine, case, root)
        specs = {way: _spec(ExecutorSpec, way) for way in ways}
        made = {
            way: entered.enter_context(executor(spec, engine, "float32", root, Store(Path(folder, way))))
            for way, spec in specs.items()
        }
        first = {way: _turn(each, stacks) for way, each in made.items()}
        turns = [{way: _turn(each, stacks) for way, each in made.items()} for _ in range(TURNS)]
        seconds = {way: min(turn[way] for turn in turns) for way in ways}
        sizes = _sizes(made["local"], stacks, Path(folder, "store"))
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
    """Return where this process and the network give out, in cores kept busy and in runs an hour."""
    handled = 1 / (1 / formed + 1 / sizes["stored_runs_per_second"])  # the same process forms and stores
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
    from pipeline.params.recipe import Recipe
    from pipeline.runs import Context, Run

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
    """Return how many runs a second get their keys and their stacks, and the memory that each then takes."""
    many = replace(case, models=MANY_RUNS)
    engine.stacks(list(_runs(many, root)))  # finds the best sizes, which are remembered
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
    """Return what one stack sends and brings back, and how fast this process unpacks and stores runs."""
    from pipeline.executors.parcels import from_bytes, pack_stack, pack_trained, to_bytes, unpack_trained
    from pipeline.store import Store

    trained = list(executor.train(stacks, Quiet()))
    messages = [to_bytes(*pack_trained(each)) for each in trained]
    runs, store = sum(map(len, trained)), Store(folder)
    start = time.perf_counter()
    for message in messages:
        store.put_all([(each.record, each.weights) for each in unpack_trained(*from_bytes(message))])
    taken = time.perf_counter() - start
    return {
        "kb_sent_per_run": round(sum(len(pack_stack(each)) for each in stacks) / runs / 1000, 2),
        "kb_returned_per_run": round(sum(map(len, messages)) / runs / 1000, 1),
        "stored_runs_per_second": round(runs / taken),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every case asked for."""
    parser = argparse.ArgumentParser("python -m benchmarks.executors", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON line a case")
    parser.add_argument("--case", help="this case alone")
    parser.add_argument("--ray", action="store_true", help="a Ray cluster of this machine too")
    parser.add_argument("--write", type=Path, help="put the tables between the markers of this document")
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


def _line(found: dict[str, Any]) -> str:
    ways = ", ".join(f"{way} {value:g} s" for way, value in found["seconds"].items())
    return f"{found['case']}, {found['models']} models: {ways}; this process feeds {found['process_feeds_cores']} cores"


def _speed_table(measured: Sequence[dict[str, Any]], ways: Sequence[str]) -> str:
    """Return each case's seconds by executor as a table."""
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
            found["case"],
            *(str(found[name]) for name in ("models", "stacks")),
            *(f"{found['seconds'][way]:.3g}" for way in ways),
            *(f"{found['first'][way]:.3g}" for way in ways),
            *(f"{found['times_local'][way]:.2f}" for way in others),
        ]
        for found in measured
    ]
    return _table([*heads, *(f"times `local`: `{way}`" for way in others)], rows)


def _limits_table(measured: Sequence[dict[str, Any]]) -> str:
    """Return what a run costs besides its training."""
    return _figures(
        measured,
        {
            "core_seconds_per_run": "core-seconds a run",
            "runs_per_stack": "runs a stack holds",
            "formed_runs_per_second": "runs formed a second",
            "kb_held_per_run": "kB held a run",
            "kb_sent_per_run": "kB sent a run",
            "kb_returned_per_run": "kB back a run",
            "stored_runs_per_second": "runs stored a second",
        },
    )


def _ends_table(measured: Sequence[dict[str, Any]]) -> str:
    """Return at how many runs an hour, and with how many cores, each bound is reached."""
    return _figures(
        measured,
        {
            "many_cores_runs_per_hour": f"runs an hour on {MANY_CORES} cores",
            "process_runs_per_hour": "this process gives out at, runs an hour",
            "process_feeds_cores": "that is with cores",
            "gigabit_runs_per_hour": "1 Gbit/s gives out at, runs an hour",
            "gigabit_feeds_cores": "that is with cores",
        },
    )


def _figures(measured: Sequence[dict[str, Any]], columns: dict[str, str]) -> str:
    rows = [[found["case"], *(f"{found[name]:,}" for name in columns)] for found in measured]
    return _table(["case", *columns.values()], rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    main()
