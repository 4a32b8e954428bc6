"""Results as pandas frames: one row per replicate, per epoch, or per trial; accuracies are in 0..1."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from pipeline.result_files.schema import Ablation, Replicate, Replication, Trial, Variant

RUN_COLUMNS = [
    "ablation",
    "dataset",
    "variant",
    "seed",
    "outcome",
    "epochs",
    "best_epoch",
    "parameters",
    "engine",
    "seconds",
    "run_key",
]
METRICS = ["test_accuracy", "test_loss", "val_accuracy", "val_loss", "accuracy", "loss"]
CURVE_COLUMNS = ["ablation", "variant", "seed", "epoch"]
CURVES = ["accuracy", "loss", "val_accuracy", "val_loss", "learning_rate"]
TRIAL_COLUMNS = ["ablation", "variant", "trial", "score", "outcome", "chosen", "seconds", "run_key"]


def runs_frame(ablations: Iterable[Ablation]) -> pd.DataFrame:
    """Return one row per replicate: its metrics, the seconds it trained, and, as `hyper.<path>`, what tuning chose.

    NaN for what is missing.
    """
    rows = [_run(ablation, variant, replicate) for ablation, variant, replicate in _replicates(ablations)]
    return _frame(rows, [*RUN_COLUMNS, *_measured(METRICS, rows)])


def curves_frame(ablations: Iterable[Ablation]) -> pd.DataFrame:
    """Return one row per replicate and epoch (from 1) with every curve; NaN where one was not recorded."""
    rows = [
        row
        for ablation, variant, replicate in _replicates(ablations)
        for row in _epochs(ablation, variant, replicate)
    ]
    return _frame(rows, [*CURVE_COLUMNS, *_measured(CURVES, rows)])


def trials_frame(ablations: Iterable[Ablation]) -> pd.DataFrame:
    """Return one row per trial, numbered from 0 within its variant, its values as `hyper.<path>`."""
    rows = [
        {
            "ablation": ablation.name,
            "variant": variant.name,
            "trial": number,
            "score": trial.score,
            "outcome": trial.outcome,
            "chosen": trial.values == _chosen(variant, trial, ablation.replication),
            "seconds": trial.seconds,
            "run_key": trial.run_key,
            **_hyper(trial.values),
        }
        for ablation in ablations
        for variant in ablation.variants
        for number, trial in enumerate(variant.trials)
    ]
    return _frame(rows, TRIAL_COLUMNS)


def _chosen(variant: Variant, trial: Trial, replication: Replication) -> Mapping[str, Any] | None:
    """Return the values that the search of a trial chose."""
    if replication.is_plain:
        return variant.chosen
    return next(run.chosen for run in variant.replicates if replication.part_of(run.seed) == trial.search)


def _replicates(ablations: Iterable[Ablation]) -> Iterator[tuple[Ablation, Variant, Replicate]]:
    for ablation in ablations:
        for variant in ablation.variants:
            for replicate in variant.replicates:
                yield ablation, variant, replicate


def _run(ablation: Ablation, variant: Variant, replicate: Replicate) -> dict[str, Any]:
    return {
        "ablation": ablation.name,
        "dataset": ablation.dataset,
        "variant": variant.name,
        "seed": replicate.seed,
        "outcome": replicate.outcome,
        "epochs": replicate.epochs,
        "best_epoch": replicate.best_epoch,
        "parameters": variant.parameters,
        "engine": replicate.engine.name,
        "seconds": replicate.seconds,
        "run_key": replicate.run_key,
        **replicate.metrics,
        **_hyper(replicate.chosen or variant.chosen or {}),
    }


def _epochs(ablation: Ablation, variant: Variant, replicate: Replicate) -> Iterator[dict[str, Any]]:
    names = {"ablation": ablation.name, "variant": variant.name, "seed": replicate.seed}
    length = max((len(values) for values in replicate.curves.values()), default=0)
    for epoch in range(length):
        values = {name: curve[epoch] for name, curve in replicate.curves.items() if epoch < len(curve)}
        yield {**names, "epoch": epoch + 1, **values}


def _hyper(values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"hyper.{path}": value for path, value in values.items()}


def _measured(names: list[str], rows: list[dict[str, Any]]) -> list[str]:
    """Return names of metrics, without accuracies where no row has any: there are tasks without."""
    return [name for name in names if "accuracy" not in name or not rows or any(name in row for row in rows)]


def _frame(rows: list[dict[str, Any]], columns: list[str]) -> pd.DataFrame:
    """Return a frame of the rows: `columns` first, present even where no row has them, then any others by name."""
    extra = sorted({name for row in rows for name in row} - set(columns))
    return pd.DataFrame(rows, columns=[*columns, *extra])
