"""The best model of each variant, kept as a `.keras` file in its run's folder."""

import uuid
from pathlib import Path

import keras

from pipeline.build.model import build_model
from pipeline.engine.driver import Workshop
from pipeline.errors import UserError
from pipeline.runs import Run
from pipeline.store import Store
from pipeline.survey import AblationState, best_replicate


def export_best(workshop: Workshop, store: Store, state: AblationState) -> None:
    """Save the model of each variant's best replicate, unless it is there."""
    for each in state.variants:
        best = best_replicate(store, each, state.spec.metric)
        if best is not None and not store.model_path(best.key).exists():
            _export(workshop, store, best)


def _export(workshop: Workshop, store: Store, run: Run) -> None:
    weights = store.weights(run.key)
    if weights is None:
        return
    phase = run.phases[-1]
    view = workshop.view(run, phase)
    model = build_model(phase.recipe, view.image_shape, view.classes)
    model.set_weights(weights)
    _save(model, store.model_path(run.key))


def _save(model: keras.Model, path: Path) -> None:
    temporary = path.with_name(f".{uuid.uuid4().hex}.keras")
    try:
        model.save(temporary)
    except (NotImplementedError, TypeError, ValueError) as error:
        raise UserError(
            f"{path.parent.name}: the trained model cannot be saved; does a class of your own lack `get_config`? {error}"
        ) from error
    temporary.replace(path)
