"""Made-up outcomes of diagnostics, the same every time: what the ablate stage writes next to an ablation's results."""

import json
import math
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.data.excerpt import Excerpt
from pipeline.data.pictures import png

LAYERS = 4
WITH_DIAGNOSTICS = ("activations", "hostile")


def write(folder: Path, ablation: Mapping[str, Any]) -> None:
    """Write outcomes of diagnostics of an ablation's models, if it has some: predictions alone if it is a ladder."""
    if ablation["name"] in WITH_DIAGNOSTICS:
        (folder / "evaluation.json").write_text(json.dumps(outcomes(ablation)), encoding="utf-8")
    elif ablation["kind"] == "ladder":
        names = [variant["name"] for variant in ablation["variants"]]
        rungs = [predictions(name, ["3", "5", "8"], font=True) for name in [names[-1], *names[:-1]]]
        (folder / "evaluation.json").write_text(json.dumps({"predictions": rungs}), encoding="utf-8")


def outcomes(ablation: Mapping[str, Any]) -> dict[str, Any]:
    """Return outcomes of every kind of diagnostics; a hostile ablation has a hostile class name."""
    names = [variant["name"] for variant in ablation["variants"]]
    seeds = range(ablation["seeds"])
    hostile = ablation["question"] if ablation["name"] == "hostile" else "Pullover"
    classes = [hostile, "Shirt", "Coat"]
    return {
        "signals": [{"variant": n, "replicates": [signals(n, seed) for seed in seeds]} for n in names],
        "propagation": [{"variant": n, "replicates": [tower(n, seed) for seed in seeds]} for n in names],
        "functions": [function(names)],
        "finder": [range_test(name) for name in names],
        "training_set": [
            {"variant": n, "replicates": [training_set(n, seed) for seed in seeds]} for n in names
        ],
        "uncertainty": [
            {"variant": name, "replicates": [uncertainty(name, seed, classes) for seed in seeds]}
            for name in names[:2]
        ],
        "predictions": [predictions(names[0], classes)],
    }


def signals(name: str, seed: int, shrink: float = 0.5) -> dict[str, Any]:
    """Return one replicate's signals; every layer's gradient is `shrink` times that of the layer after."""
    noise = random.Random(f"{name} {seed} signals").uniform(0.9, 1.1)
    moment = {
        "mean": [0.1 * noise] * LAYERS,
        "deviation": [noise * shrink**layer for layer in range(LAYERS)],
        "gradient": [noise * shrink ** (LAYERS - layer) for layer in range(LAYERS)],
    }
    return {"seed": seed, "layers": ["dense"] * LAYERS, "start": moment, "trained": None if seed else moment}


def tower(name: str, seed: int, shrink: float = 0.99) -> dict[str, Any]:
    """Return noise that loses a hundredth of its size with each of 100 layers."""
    noise = random.Random(f"{name} {seed} tower").uniform(0.9, 1.1)
    depth = [0, *range(1, 101)]
    return {
        "seed": seed,
        "depth": depth,
        "mean": [0.01 * noise] * 101,
        "deviation": [noise * shrink**layer for layer in depth],
    }


def training_set(name: str, seed: int) -> dict[str, Any]:
    """Return how well one replicate fits its training images."""
    loss = random.Random(f"{name} {seed} training set").uniform(0.1, 0.2)
    return {"seed": seed, "accuracy": 1 - loss / 5, "loss": loss}


def function(names: list[str]) -> dict[str, Any]:
    """Return tanh with its slope."""
    x = [place / 8 for place in range(-48, 49)]
    return {
        "activation": {"name": "tanh"},
        "variants": names,
        "x": x,
        "value": [math.tanh(value) for value in x],
        "slope": [1 - math.tanh(value) ** 2 for value in x],
        "saturated": [[-6.0, -2.25], [2.25, 6.0]],
    }


def range_test(name: str) -> dict[str, Any]:
    """Return a loss that is lowest at a rate of 0.1, then rises."""
    rates = [10 ** (-5 + place / 10) for place in range(61)]
    losses = [2.3 - 2 * math.exp(-((math.log10(rate) + 1) ** 2)) for rate in rates]
    return {
        "variant": name,
        "seed": 0,
        "rates": rates,
        "losses": losses,
        "smoothed": losses,
        "suggested": 0.01,
        "turning": 0.1,
        "fell": name != "sigmoid",
        "nan_rate": 3.0,
        "range": [1e-5, 10.0],
        "used": 0.01 if name == "relu" else 0.001,
    }


def uncertainty(name: str, seed: int, classes: list[str]) -> dict[str, Any]:
    """Return one replicate's predictions; passes with dropout gain 0.05 in log likelihood."""
    random_ = random.Random(f"{name} {seed} uncertainty")
    loss = random_.uniform(0.3, 0.4)
    bins = [[40, 40 * (b + 0.5) / 10, float(round(4 * (b + 0.4)))] for b in range(10)]

    def summary(likelihood: float) -> dict[str, Any]:
        return {
            "accuracy": 0.9 + random_.uniform(-0.01, 0.01),
            "negative_log_likelihood": likelihood,
            "calibration_error": 0.05,
            "entropy": 0.5,
            "entropy_right": 0.4,
            "entropy_wrong": None if seed else 1.1,
            "bins": bins,
        }

    image = {
        "png": png(picture(seed)),
        "label": classes[1],
        "entropy": 1.0,
        "classes": [{"name": class_, "mean": 0.4, "deviation": 0.2} for class_ in classes],
    }
    return {
        "seed": seed,
        "samples": 100,
        "plain": summary(loss),
        "mc": {**summary(loss - 0.05), "single_pass_accuracy": 0.85},
        "uncertain": [image] * 7,
    }


def predictions(variant: str, classes: list[str], font: bool = False) -> dict[str, Any]:
    """Return 21 mistakes among 300 answers; `font`: and an answer to each class drawn with a font, the first one wrong."""
    wrong = {"png": png(picture(1)), "label": classes[1], "predicted": classes[0], "confidence": 0.987}
    return {
        "variant": variant,
        "seed": 1,
        "classes": classes,
        "confusion": [[95, 4, 1], [12, 86, 2], [2, 0, 98]],
        "wrong": 21,
        "task": "classes",
        "rows": 300,
        "worst": [wrong] * 8,
        "right": [{**wrong, "predicted": classes[1]}] * 3,
        "font": [{**wrong, "label": each, "predicted": classes[1]} for each in classes] if font else [],
    }


def of_task(task: str, variant: str = "relu") -> dict[str, Any]:
    """Return predictions of a task, or of two `classes` of rows; nothing about images in any of them."""
    chosen = {"variant": variant, "seed": 1, "task": task, "rows": 300}
    x = [place / 50 for place in range(51)]
    curve = {
        "name": "ill & <b>old",
        "positives": 40,
        "roc": {"x": x, "y": [value**0.3 for value in x], "area": 0.769},
        "precision_recall": {"x": x, "y": [1 - value / 2 for value in x], "area": 0.75},
    }
    if task == "classes":
        answer = {"row": 7, "label": "ill", "predicted": "well", "confidence": 0.987}
        counts = {"classes": ["well", "ill"], "confusion": [[150, 20], [30, 100]], "wrong": 50}
        return {**chosen, **counts, "worst": [answer] * 3, "right": [], "curves": [curve], "font": []}
    if task == "labels":
        measured = {"precision": None, "recall": 0.5, "f1": 0.25}
        never = {"name": "never", "positives": 0, **measured}
        worst = [{"row": 7, "name": "never", "probability": 0.93, "label": False}]
        return {**chosen, "curves": [{**curve, **measured}, never], "wrong": 60, "worst": worst}
    if task == "regression":
        true = [20.0 + place for place in range(100)]
        target = {"true": true, "predicted": [value * 0.9 for value in true], "mean_absolute_error": 6.95}
        targets = [
            {"name": name, **target, "root_mean_squared_error": 7.5, "r2": 0.93} for name in ("price", "rent")
        ]
        miss = {"row": 99, "target": "rent", "true": 119.0, "predicted": 107.1}
        return {**chosen, "not_finite": 1, "targets": targets, "worst": [miss] * 3}
    shown = {"row": 3, "true": png(picture(1)), "predicted": png(picture(2)), "right": 0.42}
    classes = [{"name": "ground", "pixels": 0.9, "iou": 0.8}, {"name": "roof", "pixels": 0.1, "iou": None}]
    return {
        **chosen,
        "classes": classes,
        "worst": [{**shown, "png": png(picture(1))}] * 5,
        "others": [shown] * 2,
    }


def excerpt(dataset: str) -> Excerpt | None:
    """Return an excerpt of digits whose classes have odd names; other data sets have none."""
    if dataset != "digits":
        return None
    pictures = tuple((png(picture(shift)), name) for shift in (1, 2) for name in ("Pullover", "<b>&amp;"))
    return Excerpt(1000, 100, (8, 8), 2, pictures)


def picture(shift: int) -> Any:
    import numpy as np

    return np.fromfunction(lambda row, column: (row * 20 + column * 9 * (shift + 1)) % 256, (8, 8))
