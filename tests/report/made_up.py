"""Made-up results, the same every time: what the ablate stage writes, for tests and for viewing pages.

`python -m tests.report.made_up FOLDER`, run in the project's folder, writes them and builds the pages.
"""

import json
import math
import random
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.runs.records import Timing

from . import made_up_diagnostics

HOSTILE = "<script>alert(\"x\")</script> & 'quotes' $x_1$ \u202eright to left\u202c שלום 数字"
SPACE = {"optimizer.learning_rate": {"log": [1e-4, 1e-1]}}
BASE = {
    "dataset": "digits",
    "model": {"layers": [64, 32], "activation": {"name": "relu"}, "initializer": {"name": "he_normal"}},
    "optimizer": {"name": "nadam", "learning_rate": 1e-3},
    "training": {"epochs": 20, "batch_size": 32},
}
ENVIRONMENT = {"python": "3.11.9", "tensorflow": "2.21.0", "keras": "3.15.0", "device": "CPU"}


def curves(random_: random.Random, top: float, epochs: int) -> dict[str, list[float]]:
    """Return learning curves that approach an accuracy of `top`."""
    shape = [1 - math.exp(-(epoch + 1) / 4) for epoch in range(epochs)]
    noise = [random_.gauss(0, 0.004) for _ in range(epochs)]
    val_accuracy = [min(1.0, 0.1 + (top - 0.1) * s + n) for s, n in zip(shape, noise, strict=True)]
    accuracy = [min(1.0, 0.1 + (top - 0.08) * s + n / 2) for s, n in zip(shape, noise, strict=True)]
    return {
        "loss": [2.3 * (1 - a) + 0.01 for a in accuracy],
        "accuracy": accuracy,
        "val_loss": [2.3 * (1 - a) + 0.03 + 0.001 * epoch for epoch, a in enumerate(val_accuracy)],
        "val_accuracy": val_accuracy,
        "learning_rate": [1e-3 * 0.9**epoch for epoch in range(epochs)],
    }


def replicate(name: str, seed: int, mean: float, epochs: int = 20, diverged: bool = False) -> dict[str, Any]:
    """Return one replicate with a test accuracy near `mean`; runs of one seed share some noise, as paired runs do."""
    shared = random.Random(f"seed {seed}").gauss(0, 0.004)
    random_ = random.Random(f"{name} {seed}")
    accuracy = min(0.999, mean + shared + random_.gauss(0, 0.0025))
    recorded = curves(random_, accuracy, 4 if diverged else epochs)
    metrics = {key: values[-1] for key, values in recorded.items() if key != "learning_rate"}
    metrics |= {"test_accuracy": accuracy, "test_loss": 2.2 * (1 - accuracy) + 0.02}
    return {
        "run_key": f"{random_.getrandbits(64):016x}",
        "seed": seed,
        "outcome": "diverged" if diverged else "finished",
        "metrics": {} if diverged else metrics,
        "epochs": len(recorded["loss"]),
        "best_epoch": max(1, len(recorded["loss"]) - 3),
        "engine": {"name": "fused", "reason": "dense layers only", "size": 50, "slot": seed},
        "curves": recorded,
    }


def trial(name: str, number: int, mean: float, best_rate: float) -> dict[str, Any]:
    """Return one trial of a learning rate; rates far above the best diverge."""
    random_ = random.Random(f"{name} trial {number}")
    rate = 10 ** random_.uniform(-4, -1)
    diverged = rate > best_rate * 30
    score = mean - 0.02 * math.log10(rate / best_rate) ** 2 + random_.gauss(0, 0.002)
    return {
        "run_key": f"{random_.getrandbits(64):016x}",
        "values": {"optimizer.learning_rate": rate},
        "score": None if diverged else score,
        "outcome": "diverged" if diverged else "finished",
    }


def variant(
    name: str,
    mean: float = 0.97,
    changes: Mapping[str, Any] | None = None,
    *,
    seeds: int = 5,
    tuned: bool = False,
    diverged: Sequence[int] = (),
    best_rate: float = 3e-3,
    parameters: int = 6570,
    **more: Any,
) -> dict[str, Any]:
    """Return one variant with its trials and replicates."""
    trials = [trial(name, number, mean, best_rate) for number in range(6)] if tuned else []
    scored = [run for run in trials if run["score"] is not None]
    chosen = max(scored, key=lambda run: run["score"])["values"] if scored else None
    return {
        "name": name,
        "changes": dict(changes or {}),
        "recipe": BASE,
        "levels": {},
        "parameters": parameters,
        "reference": None,
        "chosen": chosen,
        "space": SPACE if tuned else {},
        "trials": trials,
        "replicates": [replicate(name, seed, mean, diverged=seed in diverged) for seed in range(seeds)],
        **more,
    }


def ablation(name: str, variants: Sequence[Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    """Return one ablation; the first variant is its baseline."""
    tuned = any(entry["trials"] for entry in variants)
    tune = {
        "oracle": "random",
        "trials": 6,
        "seeds": 1,
        "folds": 1,
        "monitor": "val_accuracy",
        "space": SPACE,
    }
    return {
        "name": name,
        "question": "Which one learns best?",
        "kind": "variants",
        "baseline": variants[0]["name"],
        "dataset": "digits",
        "metric": "accuracy",
        "margin": 0.2,
        "seeds": 5,
        "tune": tune if tuned else None,
        "variants": list(variants),
        "environment": ENVIRONMENT,
        **more,
    }


def activations() -> dict[str, Any]:
    """Return a plain ablation with tuning: better, worse, chosen at the edge, partly diverged."""
    means = {
        "relu": 0.968,
        "sigmoid": 0.951,
        "tanh": 0.966,
        "leaky_relu": 0.9682,
        "prelu": 0.9685,
        "elu": 0.971,
    }
    means |= {"selu": 0.9705, "gelu": 0.979, "silu": 0.977, "mish": 0.9765}
    extra: dict[str, dict[str, Any]] = {
        "sigmoid": {"best_rate": 0.09},
        "prelu": {"parameters": 6666},
        "elu": {"diverged": (3,)},
        "gelu": {"reference": {"test_accuracy": 0.981, "source": "Hendrycks & Gimpel 2016"}},
        "selu": {
            "reference": {
                "val_accuracy": 0.8911,
                "val_loss": {"below": 0.5},
                "decimals": 4,
                "source": "a chapter",
                "note": "It trained for fewer epochs",
            }
        },
    }
    variants = [
        variant(
            name,
            mean,
            {} if name == "relu" else {"model.activation.name": name},
            tuned=True,
            **extra.get(name, {}),
        )
        for name, mean in means.items()
    ]
    variants[6]["changes"]["model.initializer.name"] = "lecun_normal"
    return ablation("activations", variants, question="Which activation learns best in a plain MLP?")


def grid() -> dict[str, Any]:
    """Return a grid of two factors that interact."""
    means = {"relu": [0.968, 0.962, 0.955], "selu": [0.962, 0.960, 0.972], "tanh": [0.958, 0.967, 0.966]}
    initializers = ["he_normal", "glorot_uniform", "lecun_normal"]
    variants = [
        variant(
            f"{activation}-{initializer}",
            mean,
            {"model.activation.name": activation, "model.initializer.name": initializer},
            levels={"activation": activation, "initializer": initializer},
        )
        for activation, row in means.items()
        for initializer, mean in zip(initializers, row, strict=True)
    ]
    variants[0]["changes"] = {}
    return ablation(
        "initializer_grid", variants, kind="grid", question="Which initializer suits which activation?"
    )


def planned(kind: str, rates: Sequence[float], epochs: int = 20, phase: str = "training") -> dict[str, Any]:
    """Return one phase's planned rates, evenly spread over its epochs, as the ablate stage writes them."""
    last = epochs - 1 / 45
    places = [last * place / (len(rates) - 1) for place in range(len(rates))]
    return {"phase": phase, "kind": kind, "steps_per_epoch": 45, "epochs": places, "rates": list(rates)}


def schedules() -> dict[str, Any]:
    """Return an ablation of schedules: two the same, one that rises and falls, one that follows the loss, one in phases."""
    flat = [0.01, 0.01]
    courses = {
        "constant": [planned("constant", flat)],
        "also_constant": [planned("constant", flat)],
        "one_cycle": [planned("one_cycle", [0.005, 0.05, 0.005, 0.00001])],
        "plateau": [planned("plateau", flat)],
        "in_phases": [planned("constant", flat, 5, "head"), planned("cosine", [0.01, 0.005, 0.0], 15, "all")],
    }
    variants = [variant(name, schedule=course) for name, course in courses.items()]
    for run in variants[3]["replicates"]:
        falls = 4 + run["seed"] % 3
        run["curves"]["learning_rate"] = [0.01 * 0.5 ** (epoch // falls) for epoch in range(20)]
    return ablation("schedules", variants, question="Which schedule helps?")


def ladder() -> dict[str, Any]:
    """Return a ladder: each rung adds one change to the one before."""
    rungs = {"plain": 0.931, "adam": 0.955, "schedule": 0.962, "batch_norm": 0.971, "dropout": 0.9712}
    variants = [
        variant(name, mean, {f"step.{n}": True for n in range(number)}, parameters=6570 + 96 * (number > 2))
        for number, (name, mean) in enumerate(rungs.items())
    ]
    return ablation("ladder", variants, kind="ladder", question="What does each step of the recipe add?")


def leave_one_out() -> dict[str, Any]:
    """Return a leave-one-out ablation judged by loss, on another data set."""
    parts = {"full": 0.972, "no_batch_norm": 0.960, "no_schedule": 0.969, "no_dropout": 0.9722}
    variants = [variant(name, mean, {} if name == "full" else {name: None}) for name, mean in parts.items()]
    return ablation(
        "what_matters",
        variants,
        kind="leave_one_out",
        metric="loss",
        margin=0.01,
        dataset="fashion_mnist",
        question="Which part of the recipe carries its weight?",
    )


def phases() -> dict[str, Any]:
    """Return an ablation of two phased trainings next to a plain one, of different sizes."""
    head, rest = (
        {"name": "head only", "training": {"epochs": 5}},
        {"name": "all layers", "training": {"epochs": 5}},
    )
    first = {"name": "digits 0 to 4", "training": {"epochs": 10}}
    variants = [
        variant("scratch", 0.94),
        variant("frozen", 0.92, {"phases": [first, head]}, recipe={**BASE, "phases": [first, head, head]}),
        variant(
            "unfrozen",
            0.96,
            {"phases": [first]},
            recipe={**BASE, "phases": [first, head, rest]},
            parameters=9000,
        ),
    ]
    return ablation("head_start", variants, question="Does training on other digits first help?")


def hostile() -> dict[str, Any]:
    """Return an ablation whose every text tries to break the page, with a variant that always diverged."""
    variants = [
        variant("base", 0.96, seeds=3),
        variant(
            "_$x$",
            0.97,
            {"model.name": HOSTILE},
            seeds=3,
            reference={"test_accuracy": 0.5, "source": HOSTILE, "note": HOSTILE},
        ),
        variant("lost", 0.97, {"optimizer.learning_rate": 1e9}, seeds=3, diverged=(0, 1, 2)),
        variant("a" * 80, 0.93, {"model": {"layers": [1] * 60}}, seeds=3),
    ]
    environment = {**ENVIRONMENT, "device": HOSTILE}
    return ablation("hostile", variants, question=HOSTILE, seeds=3, environment=environment)


def lone() -> dict[str, Any]:
    """Return the smallest ablation: a baseline and one variant, one seed."""
    return ablation(
        "lone", [variant("a", seeds=1), variant("b", 0.98, {"x": 1}, seeds=1)], question="", seeds=1
    )


def times(keys: Sequence[str]) -> dict[str, Timing]:
    """Return made-up times of runs, from a tenth of a second to a second, in two phases."""
    totals = {key: 0.1 + int(key[:4], 16) / 0xFFFF for key in keys}
    return {key: Timing(seconds, (0.75 * seconds, 0.25 * seconds)) for key, seconds in totals.items()}


STUDY = (activations, grid, schedules, ladder, leave_one_out, phases, hostile, lone)


def write(results: Path, ablations: Sequence[Mapping[str, Any]] | None = None) -> list[str]:
    """Write ablations (all made-up ones by default) as the ablate stage does; return their names in order."""
    study = [make() for make in STUDY] if ablations is None else ablations
    for raw in study:
        folder = results / raw["name"]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ablation.json").write_text(json.dumps(raw), encoding="utf-8")
        made_up_diagnostics.write(folder, raw)
    return [raw["name"] for raw in study]


def main() -> None:
    from pipeline.report.context import ReportContext
    from pipeline.report.site import build

    folder = Path(sys.argv[1])
    context = ReportContext("http://127.0.0.1:5000", times=times, excerpt=made_up_diagnostics.excerpt)
    build(folder / "results", folder / "reports", write(folder / "results"), context)


if __name__ == "__main__":
    main()
