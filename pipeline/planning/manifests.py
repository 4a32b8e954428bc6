"""The manifest of an ablation: the runs and diagnostics that it is made of."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipeline.planning.ablation import AblationState, VariantState
from pipeline.store import Store


def write_manifest(
    store: Store,
    state: AblationState,
    diagnostics: Iterable[str] | None = None,
    keep: bool = True,
    summaries: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Write the manifest of `state`, as far as its runs are known, and return it; an unchanged one is not written again.

    `diagnostics`: the keys of the diagnostics that a finished ablation requires, `summaries` what MLflow shows of each of
    its variants. It is not written where it is not to `keep`: in a copy of the project for one experiment.
    """
    manifest: dict[str, Any] = {
        "ablation": state.name,
        "question": state.spec.question,
        "baseline": state.expanded.baseline,
        "dataset": state.variants[0].context.dataset,
        "entries": [entry for variant in state.variants for entry in _entries(variant)],
        "models": best_models(store, state),
    }
    shared = [key for variant in state.variants for key in variant.shared_keys() if key in store.runs]
    if shared:
        manifest["shared"] = list(dict.fromkeys(shared))
    if diagnostics is not None:
        manifest["diagnostics"] = list(dict.fromkeys(diagnostics))
    if summaries:
        manifest["summaries"] = list(summaries)
    if keep and store.manifests.get(state.name) != manifest:
        store.manifests.put(state.name, manifest)
    return manifest


def best_models(store: Store, state: AblationState) -> dict[str, str]:
    """Return, by variant, the key of the run whose model is stored."""
    models: dict[str, str] = {}
    for variant in state.variants:
        for run in variant.replicates if variant.is_chosen else ():
            if store.runs.model_path(run.key).is_file():
                models.setdefault(variant.variant.name, run.key)
    return models


def _entries(state: VariantState) -> list[dict[str, Any]]:
    name = state.variant.name
    trials = [
        {"variant": name, "phase": "trial", "seed": seed, "run_key": key, "values": trial["values"]}
        for trial in state.trial_runs()
        for seed, key in enumerate(trial["run_keys"])
    ]
    if not state.is_chosen:
        return trials
    return trials + [
        {
            "variant": name,
            "phase": "replicate",
            "seed": run.seed,
            "run_key": run.key,
            "values": state.search_of(run.seed).values,
        }
        for run in state.replicates
    ]
