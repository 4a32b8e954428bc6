"""How signals pass through a network: activations forwards, gradients backwards, layer by layer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.build.weights import Weights
from pipeline.diagnostics.model import DiagnosedModel
from pipeline.params.types.evaluation import Signals
from pipeline.runs.run import Run
from pipeline.runs.seeds import derive

Outcome = dict[str, Any]


@dataclass(frozen=True)
class ObservedLayer:
    """A layer with a kernel, and the layer that is `observed`: its activation if it has one, else itself."""

    name: str
    kernel: keras.Variable
    observed: keras.layers.Layer


def signals(model: DiagnosedModel, run: Run, trained: Weights | None, settings: Signals) -> Outcome:
    """Return the names of the `layers`, and their signals at the `start` and once `trained` (None if the run diverged).

    Signals hold one number per layer: `mean` of the activations over units and inputs; `deviation` over inputs, averaged
    over units, so that what is the same for every input does not count; `gradient`, the L2 norm of the kernel's
    gradient over the inputs as one batch. All are as in training: batch statistics, dropout active. Numbers that are not
    finite are None. The output layer is observed before its activation. Return `{}` for a model that cannot be observed so:
    one with several inputs, with code between its layers, or without a kernel; and noise is no input of embeddings.
    """
    layers = _observed_layers(model.keras_model)
    observed = _observing(model.keras_model, layers) if _is_observable(model, settings) else None
    if observed is None:
        return {}
    x, y = _sample(model, run, settings)
    reader = _SignalReader(model, layers, observed, derive(run.seeds.dropout, "signals"))
    return {
        "layers": [layer.name for layer in layers],
        "start": reader.read(model.initial_weights(run), x, y),
        "trained": None if trained is None else reader.read(trained, x, y),
    }


def _is_observable(model: DiagnosedModel, settings: Signals) -> bool:
    x = model.view.x
    return not isinstance(x, dict) and (settings.inputs == "images" or x.dtype.kind == "f")


def _sample(model: DiagnosedModel, run: Run, settings: Signals) -> tuple[NDArray[Any], NDArray[Any]]:
    view = model.view
    rows = view.validation if len(view.validation) else view.training
    if settings.inputs == "images":
        return view.x[rows[: settings.samples]], view.y[rows[: settings.samples]]
    generator = np.random.default_rng(derive(run.seeds.weights, "inputs"))
    x = generator.standard_normal((settings.samples, *view.x.shape[1:]), np.float32)
    if view.task == "classes":
        return x, generator.integers(view.outputs, size=settings.samples, dtype=np.int32)
    return x, view.y[generator.choice(rows, settings.samples)]


def _observed_layers(model: keras.Model) -> list[ObservedLayer]:
    by_name = {layer.name: layer for layer in model.layers}
    kernels = [(layer, kernel) for layer in model.layers if (kernel := _kernel(layer)) is not None]
    return [
        ObservedLayer(layer.name, kernel, by_name.get(_activation_name(layer.name), layer))
        for layer, kernel in kernels
    ]


def _observing(model: keras.Model, layers: Sequence[ObservedLayer]) -> keras.Model | None:
    """Return a model of the layers' outputs; None where they are not parts of one graph: in models within models or code."""
    try:
        return keras.Model(model.inputs[0], [layer.observed.output for layer in layers]) if layers else None
    except (AttributeError, IndexError, TypeError, ValueError):
        return None


def _activation_name(layer_name: str) -> str:
    """Return the name of the activation that follows a hidden layer; the output's activation has another name."""
    return f"{layer_name.rpartition('_')[0]}_activation"


def _kernel(layer: keras.layers.Layer) -> keras.Variable | None:
    return next((variable for variable in layer.trainable_weights if "kernel" in variable.name), None)


class _SignalReader:
    """Reads the activations of a model's layers and the gradients of their kernels, for any weights."""

    def __init__(
        self, model: DiagnosedModel, layers: Sequence[ObservedLayer], observed: keras.Model, seed: int
    ) -> None:
        self.model, self.layers, self.observed, self.seed = model, layers, observed, seed
        self.gradients = GradientReader()
        model.keras_model.compile(self.gradients, loss=model.loss(), run_eagerly=True)

    def read(self, weights: Weights, x: NDArray[Any], y: NDArray[Any]) -> Outcome:
        self.model.load(weights, self.seed)
        outputs = self.observed(x, training=True)
        activations = [
            np.asarray(keras.ops.cast(output, "float32"), np.float64).reshape(len(x), -1)
            for output in (outputs if isinstance(outputs, list | tuple) else [outputs])
        ]
        self.model.load(weights, self.seed)  # the pass has moved batch statistics and seeds
        self.model.keras_model.train_on_batch(x, y)
        norms = self.gradients.norms()
        means, deviations = zip(*map(moments, activations), strict=True)
        return {
            "mean": list(means),
            "deviation": list(deviations),
            "gradient": [finite(norms[layer.kernel.path]) for layer in self.layers],
        }


@keras.saving.register_keras_serializable("pipeline")
class GradientReader(keras.optimizers.Optimizer):
    """An optimizer that changes no variable and stores the gradients: so Keras yields them on every backend."""

    def __init__(self) -> None:
        super().__init__(learning_rate=0.0)
        self.last: list[keras.Variable] = []

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Make room for a gradient of each variable."""
        if not self.built:
            super().build(variables)
            self.last = [
                self.add_variable_from_reference(variable, name="gradient") for variable in variables
            ]

    def update_step(self, gradient: Any, variable: keras.Variable, learning_rate: Any) -> None:  # noqa: ARG002
        """Store one variable's gradient."""
        self.assign(self.last[self._get_variable_index(variable)], gradient)

    def norms(self) -> dict[str, float]:
        """Return the L2 norm of each variable's last gradient, by the variable's path."""
        return {
            variable.path: float(np.linalg.norm(np.asarray(gradient.value, np.float64)))
            for variable, gradient in zip(self._trainable_variables, self.last, strict=True)
        }


def moments(activations: NDArray[np.float64]) -> tuple[float | None, float | None]:
    """Return the mean of `[inputs, units]` over both, and the deviation over inputs, averaged over units.

    None stands for a number that is not finite.
    """
    with np.errstate(all="ignore"):  # an overflow is a finding here
        return finite(activations.mean()), finite(activations.std(axis=0).mean())


def finite(value: float) -> float | None:
    """Return a number, or None in place of NaN and infinities, which JSON lacks."""
    return float(value) if np.isfinite(value) else None
