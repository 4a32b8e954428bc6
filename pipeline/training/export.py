"""The best model of each variant, saved as a `.keras` file in its run's folder."""

from pathlib import Path

import keras

from pipeline.build.model import build_model
from pipeline.core.errors import UserError
from pipeline.core.files import replacing
from pipeline.engine.model_cache import ModelCache
from pipeline.planning.ablation import AblationState
from pipeline.planning.state import best_replicate
from pipeline.runs.run import Run
from pipeline.store import Store


def export_best(model_cache: ModelCache, store: Store, state: AblationState) -> None:
    """Save the model of each variant's best replicate, unless it is saved already.

    Raises `UserError` for a model that Keras cannot save.
    """
    for variant in state.variants:
        best = best_replicate(store, variant, state.metric)
        if best is not None and not store.runs.model_path(best.key).exists():
            _export(model_cache, store, best)


def _export(model_cache: ModelCache, store: Store, run: Run) -> None:
    """Save a run's model; do nothing where its weights are gone or damaged."""
    weights = store.runs.weights(run.key)
    if weights is None:
        return
    phase = run.phases[-1]
    view = model_cache.view(run, phase)
    model = build_model(phase.recipe, view.input_shape, view.outputs, view.task, trained=True)
    model.set_weights(weights)
    _save(model, store.runs.model_path(run.key))


def _save(model: keras.Model, path: Path) -> None:
    with replacing(path) as temporary:
        try:
            model.save(temporary)
        except (NotImplementedError, TypeError, ValueError) as error:
            raise UserError(
                f"{path.parent.name}: the trained model cannot be saved; "
                f"does a class of your own lack `get_config`? {error}"
            ) from error
