"""Keras's own judgement of models: each new one is built once before anything trains."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from pipeline.build.freezing import freeze_layers
from pipeline.build.model import operated
from pipeline.build.summary import computation_digest, layer_table
from pipeline.core.errors import DataError, ParamsError, UserError
from pipeline.core.text import one_line
from pipeline.engine.model_cache import ModelCache
from pipeline.params.types.phases import Phase
from pipeline.planning.ablation import AblationState, VariantState
from pipeline.planning.models import model_key, same_models
from pipeline.runs.run import Run
from pipeline.store import Store


def check_models(model_cache: ModelCache, store: Store, states: Sequence[AblationState]) -> list[str]:
    """Build every model of `states` of which nothing is known yet; return sentences about those that are the same.

    Raises `ParamsError` with a fault for each variant whose model cannot be built, in Keras's words.
    """
    faults: dict[str, None] = {}
    for state in states:
        for variant in state.variants:
            for run, phase in _models(variant):
                fault = _summary(model_cache, store, run, phase).get("fault")
                if fault:
                    faults[f"ablations.{state.name}.{variant.variant.name}: {fault}"] = None
    if faults:
        raise ParamsError("models", list(faults))
    return [
        f"{state.name}: {' and '.join(names)} are the same model: what they differ in changes nothing"
        for state in states
        for names in same_models(store, state)
    ]


def _models(variant: VariantState) -> Iterator[tuple[Run, Phase]]:
    """Yield a run of a variant with each of its phases; of one that is tuned, as far as it is known."""
    if variant.is_chosen:
        run = variant.replicates[0]
        yield from ((run, phase) for phase in run.phases)


def _summary(model_cache: ModelCache, store: Store, run: Run, phase: Phase) -> dict[str, Any]:
    key = model_key(run, phase)
    summary = store.models.get(key)
    if summary is None:
        summary = _built(model_cache, run, phase)
        if summary["fault"] is None:  # which may be one of this machine, or of a file that changes
            store.models.put(key, summary)
    return summary


def _built(model_cache: ModelCache, run: Run, phase: Phase) -> dict[str, Any]:
    try:
        view, recipe = model_cache.view(run, phase), model_cache.completed(run, phase).recipe
        if recipe.chain is not None and not (recipe.chain.without or recipe.chain.replace):
            model, removed = model_cache.template(run, phase), None  # training needs it anyway
        else:
            model, removed = operated(recipe, view.input_shape, view.outputs, view.task)
            freeze_layers(model, phase.trainable, recipe)
    except DataError:
        raise
    except (UserError, ValueError, TypeError) as error:
        return {"fault": one_line(error)[:1000]}
    return {
        "fault": None,
        "computation": None if recipe.chain is not None and removed is None else computation_digest(model),
        "layers": [asdict(row) for row in layer_table(model)],
        "removed": None if removed is None else asdict(removed),
    }
