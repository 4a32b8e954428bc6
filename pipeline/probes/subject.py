"""A variant's model as its last phase has it, to be loaded with one replicate's weights after another."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.build.model import build_model
from pipeline.build.objective import make_loss, targets
from pipeline.build.weights import Weights, initial_weights, seed_states, set_seed_states
from pipeline.engine.driver import Workshop
from pipeline.probes.measures import as_probabilities
from pipeline.probes.pictures import png
from pipeline.runs import Run
from pipeline.seeds import derive

CHUNK = 1000  # images in one forward pass


class Subject:
    """The model of `run`'s last phase, the data it sees there, and what its outputs mean."""

    def __init__(self, workshop: Workshop, run: Run) -> None:
        phase = run.phases[-1]
        self.recipe = phase.recipe
        self.view = workshop.view(run, phase)
        self.model = build_model(self.recipe, self.view.image_shape, self.view.classes)
        self._images = workshop.views(run.context.dataset).images

    def start(self, run: Run) -> Weights:
        """Return the weights that `run` would have begun its last phase with, had nothing been carried over."""
        return initial_weights(self.model, self.recipe, derive(run.seeds.weights, len(run.phases) - 1))

    def load(self, weights: Weights, chance: int) -> bool:
        """Put weights in place, and what is random in the model at the beginning of `chance`; tell whether anything is."""
        states = seed_states(self.model, chance)
        self.model.set_weights(weights)
        set_seed_states(self.model, states)
        return bool(states)

    def loss(self) -> Callable[[Any, Any], Any]:
        """Return the recipe's loss, one number an image, of integer labels and outputs, as Keras's `compile` takes it."""
        made, units = make_loss(self.recipe), self.model.output_shape[-1]

        def per_image(labels: Any, outputs: Any) -> Any:
            flat = keras.ops.reshape(keras.ops.cast(labels, "int32"), [-1])
            return made(targets(flat, made, units), keras.ops.cast(outputs, "float32"))

        return per_image

    def probabilities(self, rows: NDArray[np.int32], training: bool = False) -> NDArray[np.float64]:
        """Return the predicted probabilities of the images at `rows`, `[n, classes]`."""
        parts = [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]
        found = [np.asarray(self.model(self.view.x[part], training=training), np.float32) for part in parts]
        return as_probabilities(np.concatenate(found))

    @property
    def class_names(self) -> list[str]:
        """The names of the classes, in the order of the labels that the model is trained on."""
        if self.recipe.data.pairs is not None:
            return ["different", "same"]
        chosen = self.recipe.data.classes
        names = self._images.class_names
        return [names[index] for index in chosen] if chosen is not None else list(names)

    def picture(self, row: int) -> str:
        """Return the image at `row`, unscaled, as PNG in base64; the two of a pair side by side."""
        if self.recipe.data.pairs is not None:
            return png(_side_by_side(self.view.x[row].reshape(self.view.image_shape)))
        trained = len(self._images.y_train)
        image = self._images.x_train[row] if row < trained else self._images.x_test[row - trained]
        return png(image.reshape(self._images.image_shape))


def _side_by_side(pair: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return two scaled images as one of grey levels, from the darkest number to the brightest."""
    low, high = float(pair.min()), float(pair.max())
    levels = np.round(255 * (pair - low) / max(high - low, 1e-9)).astype(np.uint8)
    return np.concatenate(list(levels), axis=1)
