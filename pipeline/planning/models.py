"""Which model a run has: a key by which summaries of built models are kept, and variants whose models are the same."""

from pipeline.core.digests import digest
from pipeline.params.expansion.resolve import canonical
from pipeline.params.types.phases import Phase
from pipeline.planning.ablation import AblationState
from pipeline.runs.fingerprint import code_digest, own_code
from pipeline.runs.run import Run
from pipeline.store import Store

SHAPING = ("model", "data", "regularisation")
"""The sections of a recipe that decide a model."""


def model_key(run: Run, phase: Phase | None = None) -> str:
    """Return a key that is equal for runs whose models are built alike, in their last phase or in `phase`."""
    phase = phase or run.phases[-1]
    plain = canonical(phase.recipe)
    decided = {section: plain[section] for section in SHAPING}
    return digest(
        [decided, phase.settings["trainable"], run.context.data_digest, code_digest(), own_code(decided)]
    )


def parameter_counts(store: Store, state: AblationState) -> dict[str, int]:
    """Return how many parameters each variant's model has, of those that were looked at, by variant."""
    chosen = {v.variant.name: v.replicates[0] for v in state.variants if v.is_chosen and v.replicates}
    known = {name: store.models.get(model_key(run)) or {} for name, run in chosen.items()}
    return {
        name: sum(layer["parameters"] for layer in summary["layers"] if "/" not in layer["name"])
        for name, summary in known.items()
        if summary.get("layers")
    }


def same_models(store: Store, state: AblationState) -> list[tuple[str, ...]]:
    """Return the names of variants that differ in their `model` alone and are one and the same: their switch is dead."""
    groups: dict[str, list[str]] = {}
    for variant in state.variants:
        if not variant.is_chosen:
            continue
        run = variant.replicates[0]
        summary = store.models.get(model_key(run)) or {}
        if summary.get("computation"):
            rest = {key: item for key, item in canonical(run.recipe).items() if key != "model"}
            groups.setdefault(digest([rest, summary["computation"]]), []).append(variant.variant.name)
    return [tuple(names) for names in groups.values() if len(names) > 1]
