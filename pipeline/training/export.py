"""The best model of each variant, saved as a `.keras` file in its run's folder, with what it takes and returns."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras

from pipeline.build.model import build_model
from pipeline.core.errors import UserError
from pipeline.core.files import replacing, write_json
from pipeline.engine.model_cache import ModelCache
from pipeline.engine.views import Shape
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
    write_json(store.runs.signature_path(run.key), signature_of(model, view.input_shape))
    _save(model, store.runs.model_path(run.key))


def signature_of(model: keras.Model, shapes: Shape | Mapping[str, Shape]) -> dict[str, Any]:
    """Return the tensors that a model takes and returns, -1 for the batch, and the versions of what it was saved with."""
    named = shapes if isinstance(shapes, Mapping) else {"input": shapes}
    given = getattr(model, "inputs", None)  # a subclassed model has none
    kinds = {tensor.name: str(tensor.dtype) for tensor in given or ()}
    floats = keras.config.floatx()
    alone = next(iter(kinds.values()), floats) if len(kinds) == 1 else floats
    inputs = {
        name: keras.KerasTensor((None, *shape), kinds.get(name, alone)) for name, shape in named.items()
    }
    outputs = _outputs(model, inputs if isinstance(shapes, Mapping) else inputs["input"])
    backend = keras.backend.backend()
    return {
        "inputs": [_tensor(name, tensor) for name, tensor in inputs.items()],
        "outputs": [_tensor("output", tensor) for tensor in outputs],
        "keras": keras.__version__,
        "backend": backend,
        "packages": {name: version(name) for name in ("keras", backend, "numpy")},
    }


def _outputs(model: keras.Model, rows: Any) -> list[keras.KerasTensor]:
    """Return what a model gives; nothing of a subclassed one that does not compute without values, nor bfloat16.

    NumPy, by which MLflow describes tensors, has no such numbers.
    """
    try:
        outputs = getattr(model, "outputs", None) or keras.tree.flatten(model.compute_output_spec(rows))
    except Exception:
        return []
    return [tensor for tensor in outputs if "bfloat16" not in str(tensor.dtype)]


def _tensor(name: str, tensor: keras.KerasTensor) -> dict[str, Any]:
    return {
        "name": name,
        "shape": [-1 if size is None else size for size in tensor.shape],
        "dtype": str(tensor.dtype),
    }


def _save(model: keras.Model, path: Path) -> None:
    with replacing(path) as temporary:
        try:
            model.save(temporary)
        except (NotImplementedError, TypeError, ValueError) as error:
            raise UserError(
                f"{path.parent.name}: the trained model cannot be saved; "
                f"does a class of your own lack `get_config`? {error}"
            ) from error
