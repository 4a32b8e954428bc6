"""A run in the terms of MLflow: flat parameters, metrics with steps, tags. Nothing here needs MLflow."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pipeline.runs.records import Curves, RunRecord
from pipeline.tracking.required import RequiredRun

LONGEST_VALUE = 250
LONGEST_KEY = 250
MOST_METRICS, MOST_PARAMS = 900, 100
"""The most metrics and parameters of one request: MLflow accepts 1000 entities, and 100 parameters among them."""
FINGERPRINT, MODEL = "fingerprint", "model"
SOURCE = "keras-ablation"


@dataclass(frozen=True)
class Point:
    """One value of a metric, at an epoch (`step`, from 1) and a time in milliseconds since 1970."""

    key: str
    value: float
    milliseconds: int
    step: int


@dataclass(frozen=True)
class Batch:
    """The content of one `log_batch` request, within MLflow's limits."""

    points: list[Point]
    params: dict[str, str]


def params(run: RequiredRun, record: RunRecord | None = None) -> dict[str, str]:
    """Return the recipe under dotted names, and the tuned values; of a run in training only the latter.

    Example: the recipe `{"model": {"layers": [8, 4]}}` becomes `{"model.layers": "[8, 4]"}`.
    """
    recipe: dict[str, object] = {}
    if run.summary is not None:
        recipe = {"dataset": run.summary["dataset"]["name"], **dict(_flat(run.summary["recipe"]))}
    elif record is not None:
        recipe = {"dataset": record.dataset, **dict(_flat(record.recipe))}
    return {_key(name): _text(value) for name, value in {**recipe, **run.values}.items() if value is not None}


def tags(run: RequiredRun, record: RunRecord | None = None, commit: str | None = None) -> dict[str, str]:
    """Return the tags, by which runs are grouped and filtered; without a record those of a run in training.

    `commit` is the one that the run was trained at, if that is known.
    """
    common = {"ablation": run.ablation, "variant": run.variant, "phase": run.kind, "seed": str(run.seed)}
    common |= {"run_key": run.run_key, "mlflow.source.name": SOURCE, "mlflow.source.type": "LOCAL"}
    common |= {"mlflow.source.git.commit": commit} if commit else {}
    if run.summary is not None:
        return common | {**run.summary["tags"], FINGERPRINT: run.fingerprint}
    if record is None:
        return common | {"outcome": "in training"}
    return common | {
        "outcome": record.outcome,
        "engine": record.engine.name,
        "device": record.device,
        FINGERPRINT: run.fingerprint,
    }


def points(record: RunRecord, started: int, ended: int) -> list[Point]:
    """Return a run's curves, one step per epoch, and its final metrics; times are in milliseconds since 1970.

    MLflow draws a metric that has the step 0 alone as bars, by which runs are compared, others as lines over steps.
    Final metrics that also have a curve are named `final_…`: a curve may go on after the epoch that was restored.
    """
    final = {
        f"final_{name}" if name in record.curves else name: value for name, value in record.metrics.items()
    }
    final |= {"parameters": record.parameters, "best_epoch": record.best_epoch}
    if record.seconds:
        final["seconds"] = record.seconds
    return [
        *curve_points(record.curves, started, ended),
        *(Point(_key(name), float(value), ended, 0) for name, value in final.items()),
    ]


def summary_points(summary: Mapping[str, Any], now: int) -> list[Point]:
    """Return the numbers of a variant's summary, of the time `now` in milliseconds since 1970."""
    return [Point(_key(name), float(value), now, 0) for name, value in summary["metrics"].items()]


def curve_points(curves: Curves, started: int, ended: int, after: int = 0) -> list[Point]:
    """Return the values of curves after the epoch `after`, their times spread evenly from `started` to `ended`."""
    epochs = max(map(len, curves.values()), default=0)
    times = [started + (ended - started) * epoch // max(epochs, 1) for epoch in range(1, epochs + 1)]
    return [
        Point(_key(name), value, times[index], index + 1)
        for name, values in curves.items()
        for index, value in enumerate(values)
        if index >= after
    ]


def batches(all_points: list[Point], all_params: dict[str, str]) -> Iterator[Batch]:
    """Yield what is to be logged in as few batches as MLflow's limits allow: usually one."""
    points, params = iter(all_points), iter(all_params.items())
    while True:
        batch = Batch(list(islice(points, MOST_METRICS)), dict(islice(params, MOST_PARAMS)))
        if not batch.points and not batch.params:
            return
        yield batch


def _flat(section: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in section.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _text(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def _key(name: str) -> str:
    return re.sub(r"[^\w\-. :/]", "_", name)[:LONGEST_KEY]
