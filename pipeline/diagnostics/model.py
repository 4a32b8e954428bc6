"""The model of a run's last phase, with the data that it sees there; it can be loaded with different weights."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.build.model import build_model
from pipeline.build.objective import as_in_views, objective
from pipeline.build.weights import Weights, initial_weights, seed_states, set_seed_states
from pipeline.data import scale
from pipeline.data.catalogue import CATALOGUE
from pipeline.data.pictures import levels_png, png
from pipeline.diagnostics.font_digits import font_digits
from pipeline.diagnostics.measures import as_probabilities
from pipeline.engine.inputs import as_prepared
from pipeline.engine.model_cache import ModelCache
from pipeline.runs.run import Run
from pipeline.runs.seeds import derive

CHUNK = 1000
"""Rows in one forward pass."""


class DiagnosedModel:
    """The model of `run`'s last phase, its `view` of the data there, and what its outputs mean.

    Example:
        >>> model = DiagnosedModel(model_cache, run)
        >>> model.load(store.runs.weights(run.key), seed=0)
        >>> model.probabilities(model.view.test).argmax(axis=1)
    """

    def __init__(self, model_cache: ModelCache, run: Run) -> None:
        phase = model_cache.phases(run)[-1]
        self.recipe = phase.recipe
        self.view = model_cache.view(run, phase)
        view = self.view
        self.keras_model = build_model(self.recipe, view.input_shape, view.outputs, view.task, trained=True)
        self.objective = objective(
            self.recipe, self.view.task, self.keras_model.output_shape[-1], self.view.unit
        )
        self._prepared = model_cache.views(run.context.dataset).prepared
        self._dataset = run.context.dataset

    def initial_weights(self, run: Run) -> Weights:
        """Return the weights with which `run` would have begun its last phase if no weights had been carried over."""
        return initial_weights(self.keras_model, self.recipe, derive(run.seeds.weights, len(run.phases) - 1))

    def load(self, weights: Weights, seed: int) -> bool:
        """Load weights, and seed the model's random layers (dropout, noise); return whether it has any."""
        states = seed_states(self.keras_model, seed)
        self.keras_model.set_weights(weights)
        set_seed_states(self.keras_model, states)
        return bool(states)

    def loss(self) -> Callable[[Any, Any], Any]:
        """Return the recipe's loss for Keras's `compile`: from targets and outputs to one number per row."""

        def per_row(targets: Any, outputs: Any) -> Any:
            return self.objective.losses(as_in_views(targets, outputs, self.view.task), outputs)

        return per_row

    def probabilities(self, rows: NDArray[np.int32], training: bool = False) -> NDArray[np.float64]:
        """Return the predicted probabilities of `rows`, `[n, classes]`; `training`: with dropout active."""
        return as_probabilities(self.outputs(rows, training))

    def outputs(self, rows: NDArray[np.int32], training: bool = False) -> NDArray[np.float32]:
        """Return the outputs for `rows`, `[n, ...]`."""
        return np.concatenate([outputs for _, outputs in self.chunks(rows, training)])

    def chunks(
        self, rows: NDArray[np.int32], training: bool = False
    ) -> Iterator[tuple[NDArray[np.int32], NDArray[np.float32]]]:
        """Yield a part of `rows` and the outputs for it, until all are done: outputs for all may be too large."""
        for start in range(0, len(rows), CHUNK):
            chunk = rows[start : start + CHUNK]
            yield chunk, self._outputs(self.view.rows(chunk)["x"], training)

    def probabilities_of(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the predicted probabilities of other images, `[n, classes]`, which are scaled as the data set's own."""
        scaler = scale.fit(self.recipe.data.scale or "/255", as_prepared(self._prepared)[self.view.training])
        x = scaler(images).reshape(len(images), *self.view.x.shape[1:])
        return as_probabilities(self._outputs(x, training=False))

    def _outputs(self, x: Any, training: bool) -> NDArray[np.float32]:
        return np.asarray(self.keras_model(x, training=training), np.float32)

    @property
    def class_names(self) -> list[str]:
        """The names of the classes, labels or targets, in the order of the outputs that the model is trained on."""
        return list(self.view.names)

    def font_digits(self) -> NDArray[np.uint8]:
        """Return a picture of each class drawn with a font, `[classes, height, width]`; none where classes are no digits.

        A data set of one's own has none: its classes may be called 0 to 9 only because they have no other names.
        """
        names = self.class_names
        if self._dataset not in CATALOGUE or not set(names) <= set("0123456789"):
            return np.empty((0, *self._prepared.image_shape), np.uint8)
        return font_digits(names, self._prepared.x_train)

    def shown(self, row: int) -> dict[str, Any]:
        """Return what a row is shown by: its `row` in its half of the data, from 0, and its `png` if it is an image."""
        train_count = len(self._prepared.y_train)
        if self.recipe.data.pairs is not None:
            return {
                "row": row,
                "png": levels_png(_side_by_side(self.view.x[row].reshape(2, *self._prepared.image_shape))),
            }
        half, place = (
            (self._prepared.x_train, row) if row < train_count else (self._prepared.x_test, row - train_count)
        )
        if not self._prepared.record.is_image:
            return {"row": place}
        return {"row": place, "png": png(half[place].reshape(self._prepared.image_shape))}


def _side_by_side(pair: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return two scaled images as one."""
    return np.concatenate(list(pair), axis=1)
