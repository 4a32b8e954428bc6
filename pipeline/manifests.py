"""Which runs and looks an ablation is made of: the store's note to whoever shows them (MLflow) or removes the others."""

from collections.abc import Iterable
from typing import Any

from pipeline.store import Store
from pipeline.survey import AblationState, VariantState


def write_manifest(store: Store, state: AblationState, looks: Iterable[str] | None = None) -> None:
    """Write what `state` is made of, as far as known; an unchanged manifest is not written again.

    `looks`: the keys of the looks at models that a finished ablation wants.
    """
    manifest: dict[str, Any] = {
        "ablation": state.name,
        "question": state.spec.question,
        "baseline": state.expanded.baseline,
        "dataset": state.variants[0].context.dataset,
        "entries": [entry for each in state.variants for entry in _entries(each)],
        "models": best_models(store, state),
    }
    if looks is not None:
        manifest["looks"] = list(dict.fromkeys(looks))
    if store.manifest(state.name) != manifest:
        store.put_manifest(state.name, manifest)


def best_models(store: Store, state: AblationState) -> dict[str, str]:
    """Return, by variant, the run whose model is kept."""
    kept = {
        each.variant.name: [run.key for run in each.replicates if store.model_path(run.key).is_file()]
        for each in state.variants
        if each.is_chosen
    }
    return {name: keys[0] for name, keys in kept.items() if keys}


def _entries(state: VariantState) -> list[dict[str, Any]]:
    name = state.variant.name
    trials = [
        {"variant": name, "phase": "trial", "seed": seed, "run_key": key, "values": trial["values"]}
        for trial in state.trial_runs()
        for seed, key in enumerate(trial["run_keys"])
    ]
    if not state.is_chosen:
        return trials
    values = state.choice["values"] if state.choice else {}
    return trials + [
        {"variant": name, "phase": "replicate", "seed": run.seed, "run_key": run.key, "values": values}
        for run in state.replicates
    ]
