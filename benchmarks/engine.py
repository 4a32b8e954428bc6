"""How fast the engines train, compared with Keras Tuner and with the machine's peak, all measured in one run.

    python -m benchmarks.engine [--json] [--case mlp] [--growth]

Fashion-MNIST where ABLATION_DATA_MIRROR has it, else noise of its shape; digits for `small`. Each contender of a case runs
in a process of its own, one after the other; `peak_rss_mb` is the fused engine's. Times include everything a user waits
for but the imports: building, tracing and compiling too. Long epochs are cut short and scaled up (`images` is the number of
images trained on).
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.documents import write_table
from benchmarks.quiet import Quiet


@dataclass(frozen=True)
class Case:
    """A net, and how many models of it train at once, for how many epochs, on how many images (None: all).

    `slow_models` are trained by `fit` and by Keras Tuner, which take longer.
    """

    name: str
    model: dict[str, Any]
    optimizer: str
    models: int
    epochs: int = 1
    images: int | None = None
    dataset: str = "fashion_mnist"
    scale: str = "/255"
    slow_models: int = 2
    dropout: dict[str, Any] | None = None
    convolves: bool = False


MLP = {"layers": [300, 100], "initializer": "he_normal"}
SELU_100 = {
    "layers": [300, {"units": 100, "repeat": 99}],
    "activation": "selu",
    "initializer": "lecun_normal",
}
CNN = {
    "layers": [
        {"filters": 16, "kernel_size": 3},
        {"name": "MaxPooling2D"},
        {"filters": 32, "kernel_size": 3},
        {"name": "MaxPooling2D"},
        "flatten",
        64,
    ]
}
SMALL = {"layers": [64, 32], "initializer": "he_normal"}
CASES = [
    Case("mlp", MLP, "sgd", 16, epochs=3, slow_models=1),
    Case("mlp", MLP, "nadam", 16, epochs=3, slow_models=1),
    Case(
        "dropout",
        MLP,
        "nadam",
        16,
        epochs=3,
        slow_models=1,
        dropout={"name": "Dropout", "rate": 0.2, "where": "before"},
    ),
    Case("selu_100", SELU_100, "sgd", 32, images=4000, scale="standardise", slow_models=1),
    Case("cnn", CNN, "adam", 2, slow_models=1, convolves=True),
    Case("small", SMALL, "nadam", 50, epochs=20, dataset="digits", slow_models=1),
    Case(
        "residual",
        {"build": "benchmarks.nets:residual"},
        "adam",
        4,
        epochs=5,
        dataset="digits",
        slow_models=1,
        convolves=True,
    ),
    Case("lstm", {"build": "benchmarks.nets:lstm"}, "adam", 48, epochs=10, dataset="digits", slow_models=1),
    Case(
        "attention",
        {"build": "benchmarks.nets:attention"},
        "adam",
        48,
        epochs=10,
        dataset="digits",
        slow_models=1,
    ),
    Case("tabular", SMALL, "adam", 48, epochs=10, dataset="table", slow_models=1),
]
GROWTH = [
    Case(name, model, "nadam", models, epochs, images, dataset)
    for name, model, epochs, images, dataset in (
        ("mlp", MLP, 1, 6000, "fashion_mnist"),
        ("small", SMALL, 10, None, "digits"),
    )
    for models in (4, 16, 64, 256)
]


CONTENDERS = ("fused", "fit", "keras_tuner")


def measure(case: Case, contender: str) -> dict[str, Any]:
    """Return one contender's measurements of a case, in this process."""
    bench = Bench(case, contender)
    if contender == "keras_tuner":
        return {"seconds": bench.keras_tuner(case.slow_models)}
    seconds = bench.engine(contender, case.models if contender == "fused" else case.slow_models)
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "rss": rss, "flops": bench.flops(), "images": bench.trained}


def compared(case: Case, number: int, growth: bool) -> dict[str, Any]:
    """Return one case's measurements, those of each contender from a process of its own."""
    contenders = CONTENDERS[:1] if growth else CONTENDERS
    children = {name: _in_child(number, name, growth) for name in contenders}
    fused, peak = children["fused"], sgemm_peak()
    seconds = {name: child["seconds"] for name, child in children.items()}
    measured: dict[str, Any] = {"case": case.name, "optimizer": case.optimizer, "models": case.models}
    if not growth:
        measured["speedup_over_keras_tuner"] = round(seconds["keras_tuner"] / seconds["fused"], 1)
        measured["speedup_over_fit"] = round(seconds["fit"] / seconds["fused"], 1)
        measured["fit_over_keras_tuner"] = round(seconds["keras_tuner"] / seconds["fit"], 2)
    measured["seconds_per_epoch_per_model"] = {name: round(value, 4) for name, value in seconds.items()}
    measured["share_of_sgemm_peak"] = round(fused["flops"] / seconds["fused"] / peak, 3)
    measured["sgemm_peak_gflops"] = round(peak / 1e9)
    measured["peak_rss_mb"] = round(fused["rss"])
    measured["images"] = fused["images"]
    return measured


class Bench:
    """One case, ready to be trained by each engine and by Keras Tuner."""

    def __init__(self, case: Case, contender: str) -> None:
        from pipeline.core.machine import cores
        from pipeline.engine.environment import set_up
        from pipeline.engine.model_cache import ModelCache
        from pipeline.executors.worker import set_threads

        if contender == "fused" and case.convolves and case.models >= cores():
            set_threads(1)  # as `pipeline.training.threads` does for a study of such nets
        set_up("float32")
        self.case = case
        views = _views(case.dataset)
        self.model_cache = ModelCache(lambda _: views)
        run = self.run(0)
        self.view = self.model_cache.view(run, run.phases[0])
        self.trained = len(self.view.training)
        whole = len(self.view.y) - len(self.view.test) - len(self.view.validation)
        self.scale = whole / self.trained / case.epochs

    def run(self, seed: int) -> Any:
        """Return the run of one model."""
        from pipeline.params.types.recipe import Recipe
        from pipeline.runs.run import Context, Run

        case = self.case
        recipe = Recipe.model_validate(
            {
                "data": {"scale": case.scale if case.dataset != "table" else None, "limit": case.images},
                "model": case.model,
                "optimizer": {"name": case.optimizer, "learning_rate": 1e-3},
                "regularisation": {"dropout": case.dropout},
                "training": {"epochs": case.epochs},
            }
        )
        return Run(recipe, Context(case.dataset, "benchmark", 0, "float32"), "trial", seed)

    def engine(self, name: Any, models: int) -> float:
        """Return the seconds per epoch and model that an engine of ours takes."""
        from pipeline.engine.stacks import Engine
        from pipeline.executors.local import LocalExecutor

        engine = Engine(self.model_cache, name)
        executor = LocalExecutor(engine, "float32")
        runs = [self.run(seed) for seed in range(models)]
        return self._timed(lambda: list(executor.train(engine.stacks(runs), Quiet())), models)

    def keras_tuner(self, models: int) -> float:
        """Return the seconds per epoch and model that `keras_tuner.RandomSearch` takes, used as in its guide."""
        import keras
        import keras_tuner

        case, view, run = self.case, self.view, self.run(0)

        def build(hp: Any) -> keras.Model:
            from pipeline.build.model import build_model

            model = build_model(run.recipe, view.input_shape, view.outputs, view.task)
            optimizer = keras.optimizers.get(case.optimizer)
            optimizer.learning_rate = hp.Float("learning_rate", 1e-4, 1e-2, sampling="log")
            model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
            return model

        with tempfile.TemporaryDirectory() as folder:
            tuner = keras_tuner.RandomSearch(
                build, "val_accuracy", max_trials=models, directory=folder, overwrite=True
            )
            x, y = view.x[view.training], view.y[view.training]
            held_out = view.x[view.validation], view.y[view.validation]
            return self._timed(
                lambda: tuner.search(x, y, epochs=case.epochs, validation_data=held_out, verbose=0), models
            )

    def flops(self) -> float:
        """Return the floating-point operations of one model's epoch, of dense layers only: one forward, two backward."""
        template = self.model_cache.template(self.run(0), self.run(0).phases[0])
        kernels = sum(int(np.prod(w.shape)) for w in template.trainable_variables if len(w.shape) == 2)
        return 6.0 * kernels * self.trained * self.scale * self.case.epochs

    def _timed(self, work: Any, models: int) -> float:
        start = time.perf_counter()
        work()
        return (time.perf_counter() - start) * self.scale / models


def sgemm_peak(size: int = 2048, repeats: int = 7) -> float:
    """Return the machine's floating-point operations per second in a large float32 matrix product, the best of several."""
    import tensorflow as tf

    a = tf.random.stateless_normal([size, size], [0, 1])
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        tf.linalg.matmul(a, a).numpy()
        best = min(best, time.perf_counter() - start)
    return 2.0 * size**3 / best


def _views(dataset: str) -> Any:
    from pipeline.data.fetch import fetch
    from pipeline.data.prepare import prepare
    from pipeline.engine.datasets import DatasetViews, views_of

    if dataset == "digits" or (dataset != "table" and os.environ.get("ABLATION_DATA_MIRROR")):
        root = Path(tempfile.gettempdir()) / "ablation-benchmark"
        fetch(dataset, root)
        prepare(dataset, root)
        return views_of(dataset, root)
    return DatasetViews(_table() if dataset == "table" else _noise())


def _noise() -> Any:
    """Return random images in the shape of Fashion-MNIST: training takes as long, and there is nothing to learn."""
    from pipeline.data.catalogue import Dataset
    from pipeline.data.prepare import Prepared

    generator = np.random.default_rng(0)

    def images(count: int) -> Any:
        return generator.integers(0, 256, (count, 28, 28), dtype=np.uint8)

    def labels(count: int) -> Any:
        return generator.integers(0, 10, count)

    names = tuple(map(str, range(10)))
    record = Dataset("noise", (28, 28), names, 60_000, 10_000, {}, validation=5_000)
    return Prepared(images(60_000), labels(60_000), images(10_000), labels(10_000), record)


def _table() -> Any:
    """Return a table of eight numbers, some missing, and two categories, and classes that follow from them."""
    from pipeline.data.catalogue import Column, Dataset
    from pipeline.data.prepare import Prepared

    generator, rows = np.random.default_rng(0), 2500
    numbers = generator.normal(size=(rows, 8))
    codes = generator.integers(0, 5, (rows, 2))
    classes = (numbers[:, :4].sum(axis=1) + codes[:, 0] > 2).astype(np.int64)
    numbers[generator.random(numbers.shape) < 0.02] = np.nan
    x = np.concatenate([numbers, codes], axis=1)
    columns = [Column(f"n{index}", "number", missing=1) for index in range(8)]
    columns += [Column(f"c{index}", "category", tuple("abcde")) for index in range(2)]
    record = Dataset(
        "table", (10,), ("no", "yes"), 2000, 500, {}, validation=300, kind="table", columns=tuple(columns)
    )
    return Prepared(x[:2000], classes[:2000], x[2000:], classes[2000:], record)


def main() -> None:
    """Measure every requested case, each in a process of its own."""
    parser = argparse.ArgumentParser("python -m benchmarks.engine", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON line per case")
    parser.add_argument("--case", help="only this case")
    parser.add_argument(
        "--growth", action="store_true", help="the fused engine with 4, 16, 64 and 256 models"
    )
    parser.add_argument("--write", type=Path, help="a Markdown file, to update the table between its markers")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    options = parser.parse_args()
    cases = GROWTH if options.growth else CASES
    if options.child is not None:
        print(json.dumps(measure(cases[options.child], options.contender)))
        return
    measured = []
    for number, case in enumerate(cases):
        if options.case in (None, case.name):
            measured.append(compared(case, number, options.growth))
            _show(measured[-1], options.json)
    if options.write:
        write_table(options.write, "growth" if options.growth else "engine", _markdown(measured))


def _in_child(number: int, contender: str, growth: bool) -> dict[str, Any]:
    command = [
        sys.executable,
        "-m",
        "benchmarks.engine",
        "--child",
        str(number),
        "--contender",
        contender,
        *(["--growth"] if growth else []),
    ]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _show(case: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(case), flush=True)
        return
    seconds = ", ".join(f"{name} {value:g} s" for name, value in case["seconds_per_epoch_per_model"].items())
    ratio = case.get("speedup_over_keras_tuner")
    print(
        f"{case['case']:9} {case['optimizer']:6} {case['models']:4} models: {seconds} per epoch and model"
        + (f"; {ratio:g} times Keras Tuner" if ratio else "")
        + f"; {case['share_of_sgemm_peak']:.0%} of the sgemm peak, {case['peak_rss_mb']} MB",
        flush=True,
    )


def _markdown(measured: Sequence[dict[str, Any]]) -> str:
    """Return the measured cases as a table, a row for each."""
    ways = list(measured[0]["seconds_per_epoch_per_model"])
    titles = {"fused": "fused", "fit": "`fit` engine", "keras_tuner": "Keras Tuner"}
    heads = ["case", "optimizer", "models", *(f"{titles[way]}, s" for way in ways)]
    ratio = "keras_tuner" in ways
    heads += ["times Keras Tuner", "`fit` engine, times", "share of sgemm peak", "MB"] if ratio else ["MB"]
    lines = [heads, ["---", "---", *["---:"] * (len(heads) - 2)]]
    for case in measured:
        seconds = [f"{case['seconds_per_epoch_per_model'][way]:.3g}" for way in ways]
        rest = (
            [
                f"{case['speedup_over_keras_tuner']:g}",
                f"{case['fit_over_keras_tuner']:g}",
                f"{case['share_of_sgemm_peak']:.0%}",
            ]
            if ratio
            else []
        )
        lines.append(
            [
                case["case"],
                case["optimizer"],
                str(case["models"]),
                *seconds,
                *rest,
                str(case["peak_rss_mb"]),
            ]
        )
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    main()
