"""How signals pass through a net: activations forwards, gradients backwards, layer by layer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.build.weights import Weights
from pipeline.params.evaluation import Signals
from pipeline.probes.subject import Subject
from pipeline.runs import Run
from pipeline.seeds import derive

Outcome = dict[str, Any]


@dataclass(frozen=True)
class Station:
    """A layer with a kernel, and the layer whose output is looked at: its activation, if it has one."""

    name: str
    kernel: keras.Variable
    watched: keras.layers.Layer


def signals(subject: Subject, run: Run, trained: Weights | None, settings: Signals) -> Outcome:
    """Return the names of the layers, and what passes them at the `start` and once `trained` (None if it diverged).

    Each holds one number a layer: `mean` of the activations over units and inputs; `deviation` over inputs, averaged
    over units, so that what is the same for every input does not count; `gradient`, the L2 norm of the kernel's
    gradient over the inputs as one batch. All as training sees it: batch statistics, dropout active. What is not finite
    is None. The output layer is watched before its activation.
    """
    x, y = _sample(subject, run, settings)
    stations = _stations(subject.model)
    reader = _Reader(subject, stations, derive(run.seeds.dropout, "signals"))
    return {
        "layers": [station.name for station in stations],
        "start": reader.read(subject.start(run), x, y),
        "trained": None if trained is None else reader.read(trained, x, y),
    }


def _sample(subject: Subject, run: Run, settings: Signals) -> tuple[NDArray[Any], NDArray[Any]]:
    view = subject.view
    rows = view.validation if len(view.validation) else view.training
    if settings.inputs == "images":
        return view.x[rows[: settings.samples]], view.y[rows[: settings.samples]]
    generator = np.random.default_rng(derive(run.seeds.weights, "inputs"))
    x = generator.standard_normal((settings.samples, *view.x.shape[1:]), np.float32)
    return x, generator.integers(view.classes, size=settings.samples, dtype=np.int32)


def _stations(model: keras.Model) -> list[Station]:
    named = {layer.name: layer for layer in model.layers}
    kernels = [(layer, kernel) for layer in model.layers if (kernel := _kernel(layer)) is not None]
    return [
        Station(layer.name, kernel, named.get(_activation(layer.name), layer)) for layer, kernel in kernels
    ]


def _activation(name: str) -> str:
    """Return what the activation after a hidden layer is called; the output's is left out."""
    return f"{name.rpartition('_')[0]}_activation"


def _kernel(layer: keras.layers.Layer) -> keras.Variable | None:
    return next((variable for variable in layer.trainable_weights if "kernel" in variable.name), None)


class _Reader:
    """A model that tells its layers' activations and its kernels' gradients for whatever weights it is given."""

    def __init__(self, subject: Subject, stations: Sequence[Station], chance: int) -> None:
        self.subject, self.stations, self.chance = subject, stations, chance
        self.model = subject.model
        self.watched = keras.Model(self.model.input, [station.watched.output for station in stations])
        self.gradients = GradientReader()
        self.model.compile(self.gradients, loss=subject.loss(), run_eagerly=True)

    def read(self, weights: Weights, x: NDArray[Any], y: NDArray[Any]) -> Outcome:
        self.subject.load(weights, self.chance)
        outputs = self.watched(x, training=True)
        flat = [
            np.asarray(keras.ops.cast(output, "float32"), np.float64).reshape(len(x), -1)
            for output in (outputs if isinstance(outputs, list | tuple) else [outputs])
        ]
        self.subject.load(weights, self.chance)  # batch statistics and what is random have moved
        self.model.train_on_batch(x, y)
        norms = self.gradients.norms()
        sizes = [moments(each) for each in flat]
        return {
            "mean": [mean for mean, _ in sizes],
            "deviation": [deviation for _, deviation in sizes],
            "gradient": [finite(norms[each.kernel.path]) for each in self.stations],
        }


@keras.saving.register_keras_serializable("pipeline")
class GradientReader(keras.optimizers.Optimizer):
    """An optimizer that moves nothing and remembers the gradients: Keras's way to them, whatever the backend."""

    def __init__(self) -> None:
        super().__init__(learning_rate=0.0)
        self.seen: list[keras.Variable] = []

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Make room for a gradient of each variable."""
        if not self.built:
            super().build(variables)
            self.seen = [self.add_variable_from_reference(each, name="gradient") for each in variables]

    def update_step(self, gradient: Any, variable: keras.Variable, learning_rate: Any) -> None:  # noqa: ARG002
        """Remember one variable's gradient."""
        self.assign(self.seen[self._get_variable_index(variable)], gradient)

    def norms(self) -> dict[str, float]:
        """Return the L2 norm of the last gradients by the variables' paths."""
        values = [np.asarray(each.value, np.float64) for each in self.seen]
        return {
            variable.path: float(np.linalg.norm(value))
            for variable, value in zip(self._trainable_variables, values, strict=True)
        }


def moments(activations: NDArray[np.float64]) -> tuple[float | None, float | None]:
    """Return the mean of `[inputs, units]` over both, and the deviation over inputs, averaged over units."""
    with np.errstate(all="ignore"):  # what overflows is shown as such
        return finite(activations.mean()), finite(activations.std(axis=0).mean())


def finite(value: float) -> float | None:
    """Return a number, or None in place of NaN and infinities, which JSON lacks."""
    return float(value) if np.isfinite(value) else None
