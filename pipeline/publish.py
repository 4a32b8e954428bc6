"""An ablation's results as DVC hashes them: numbers from the store, no times, no machine's accidents."""

from pathlib import Path
from typing import Any

from pipeline.params.expand import canonical
from pipeline.probes.results import write_observations
from pipeline.records import RunRecord
from pipeline.store import Store, write_json
from pipeline.survey import AblationState, VariantState
from pipeline.timetable import timetables


def write_results(store: Store, state: AblationState, folder: Path) -> None:
    """Write `<folder>/<ablation>/ablation.json` for a complete ablation, and beside it what was looked at.

    Prepared data lies beside `folder`."""
    write_json(folder / state.name / "ablation.json", results_of(store, state, folder.parent))
    write_observations(store, state, folder / state.name)


def results_of(store: Store, state: AblationState, root: Path) -> dict[str, Any]:
    """Return everything the report says about an ablation; raises `KeyError` for a run that is not stored."""
    spec = state.spec
    variants = [_variant(store, each, root) for each in state.variants]
    return {
        "name": state.name,
        "question": spec.question,
        "kind": state.expanded.kind,
        "baseline": state.expanded.baseline,
        "dataset": state.variants[0].context.dataset,
        "metric": spec.metric,
        "margin": state.margin,
        "seeds": state.seeds,
        "tune": _tune(state),
        "variants": variants,
        "environment": _record(store, state.variants[0].replicates[0].key).environment,
    }


def _tune(state: AblationState) -> dict[str, Any] | None:
    tune = state.spec.tune
    if tune is None:
        return None
    return {**tune.model_dump(mode="json"), "monitor": f"val_{state.spec.metric}"}


def _variant(store: Store, state: VariantState, root: Path) -> dict[str, Any]:
    variant = state.variant
    records = [_record(store, run.key) for run in state.replicates]
    return {
        "name": variant.name,
        "changes": variant.changes,
        "recipe": canonical(state.replicates[0].recipe),
        "levels": variant.levels,
        "parameters": records[0].parameters,
        "schedule": [each.as_json() for each in timetables(state.replicates[0], root)],
        "reference": variant.reference or None,
        "chosen": state.choice["values"] if state.choice else None,
        "space": variant.tune.model_dump(mode="json")["space"] if variant.tune else {},
        "trials": [_trial(trial) for trial in state.trial_runs()],
        "replicates": [_replicate(record) for record in records],
    }


def _trial(trial: dict[str, Any]) -> dict[str, Any]:
    kept = ("values", "score", "outcome")
    return {"run_key": trial["run_keys"][0], **{name: trial[name] for name in kept}}


def _replicate(record: RunRecord) -> dict[str, Any]:
    engine = record.engine
    return {
        "run_key": record.key,
        "seed": record.seed,
        "outcome": record.outcome,
        "metrics": record.metrics,
        "epochs": record.epochs,
        "best_epoch": record.best_epoch,
        "engine": {"name": engine.name, "reason": engine.reason, "size": engine.size, "slot": engine.slot},
        "curves": record.curves,
    }


def _record(store: Store, key: str) -> RunRecord:
    record = store.get(key)
    if record is None:
        raise KeyError(f"run {key} is not in the store")
    return record
