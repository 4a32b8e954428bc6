"""Frozen lower layers computed once: their outputs for every image are the inputs that the layers above train on."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.build.weights import generators
from pipeline.engine.jobs import Job, Weights
from pipeline.engine.views import View

LARGEST = 2_000_000_000
"""Bytes that the features of a stack may take."""
CHUNK = 4096
"""Images whose features are computed at once."""


@dataclass(frozen=True, eq=False)
class Parts:
    """A template cut in two that share its variables: `lower` is frozen, and its outputs are the inputs of `upper`."""

    template: keras.Model
    lower: keras.Model
    upper: keras.Model

    def of(self, part: keras.Model, weights: Weights) -> Weights:
        """Return the weights of a part, in its order, from those of the template."""
        return [weights[index] for index in self._indexes(part)]

    def put_back(self, whole: Weights, upper: Weights) -> Weights:
        """Return the template's weights `whole` with those of the upper part replaced."""
        weights = list(whole)
        for index, array in zip(self._indexes(self.upper), upper, strict=True):
            weights[index] = array
        return weights

    def _indexes(self, part: keras.Model) -> list[int]:
        """Return the index of each of a part's weights among those of the template."""
        indexes = {id(variable): index for index, variable in enumerate(self.template.weights)}
        return [indexes[id(variable)] for variable in part.weights]


def cut_at_frozen(template: keras.Model) -> Parts | str:
    """Return `template`, a chain of layers, cut between its frozen beginning and the rest; or why it cannot be cut."""
    chain = [layer for layer in template.layers if not isinstance(layer, keras.layers.InputLayer)]
    first = next(index for index, layer in enumerate(chain) if layer.trainable_weights)
    frozen = [layer for layer in chain[:first] if _block(layer) != _block(chain[first])]
    if not any(layer.weights for layer in frozen):
        return "no frozen layer below those that train has weights"
    for layer in frozen:
        if generators(layer) or not type(layer).__module__.startswith(("keras.", "pipeline.")):
            return f"{layer.name} may not give the same every time"
    boundary = frozen[-1].output
    return Parts(template, keras.Model(template.input, boundary), keras.Model(boundary, template.output))


def _block(layer: keras.layers.Layer) -> str:
    return str(layer.name).partition("_")[0]


def too_large(parts: Parts, jobs: Sequence[Job]) -> str:
    """Return why the features of `jobs` cannot be kept in memory; empty where they can."""
    rows = {_origin(parts, job): len(_rows(job)) for job in jobs}
    size = 4 * int(np.prod(parts.lower.output_shape[1:])) * sum(rows.values())
    return f"they would take {size / 1e9:.1f} GB" if size > LARGEST else ""


def on_features(parts: Parts, jobs: Sequence[Job]) -> list[Job]:
    """Return `jobs` as jobs of the upper layers, with features as their images.

    Runs with different frozen weights have different features. All features are in one array, and each run's rows refer to
    its own, so that an engine trains on them as on images.
    """
    origins = [_origin(parts, job) for job in jobs]
    distinct = dict(zip(origins, jobs, strict=True))
    rows = {origin: _rows(job) for origin, job in distinct.items()}
    x = np.concatenate([_features(parts, job, rows[origin]) for origin, job in distinct.items()])
    y = np.concatenate([job.view.y[rows[origin]] for origin, job in distinct.items()])
    counted = [
        job.view.weights[rows[origin]] for origin, job in distinct.items() if job.view.weights is not None
    ]
    weights = np.concatenate(counted) if counted else None
    pool = hashlib.sha256("".join(distinct).encode()).hexdigest()[:16]
    views, start = {}, 0
    for origin, job in distinct.items():
        views[origin] = replace(
            _renumbered(job.view, rows[origin], start), pool=pool, x=x, y=y, weights=weights
        )
        start += len(rows[origin])
    return [
        replace(job, view=views[origin], weights=parts.of(parts.upper, job.weights))
        for origin, job in zip(origins, jobs, strict=True)
    ]


def _origin(parts: Parts, job: Job) -> str:
    """Return a name for what a job's features are computed from: its frozen weights and its images."""
    content = hashlib.sha256(job.view.pool.encode())
    for array in [_rows(job), *parts.of(parts.lower, job.weights)]:
        content.update(np.ascontiguousarray(array).tobytes())
    for rows in (job.view.training, job.view.validation):
        content.update(rows.tobytes())
    return content.hexdigest()


def _rows(job: Job) -> NDArray[np.int32]:
    """Return the rows that a job uses, ascending."""
    view = job.view
    return np.unique(np.concatenate([view.training, view.validation, *([view.test] if job.test else [])]))


def _features(parts: Parts, job: Job, rows: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the outputs of the frozen layers for `rows`, shape `[len(rows), ...]`."""
    lower = parts.lower
    values = dict(zip(map(id, lower.weights), parts.of(lower, job.weights), strict=True))
    trainable, state = (
        [keras.ops.convert_to_tensor(values[id(variable)]) for variable in variables]
        for variables in (lower.trainable_variables, lower.non_trainable_variables)
    )

    def apply(images: Any) -> NDArray[np.float32]:
        # Without assigning to variables: other stacks use those of the template at the same time.
        outputs, _ = lower.stateless_call(trainable, state, images, training=False)
        return np.asarray(keras.ops.convert_to_numpy(outputs), np.float32)

    starts = range(0, len(rows), CHUNK)
    return np.concatenate([apply(job.view.rows(rows[start : start + CHUNK])["x"]) for start in starts])


def _renumbered(view: View, rows: NDArray[np.int32], start: int) -> View:
    """Return `view` with rows numbered by their place in `rows`, from `start` on; test rows only where `rows` has them."""

    def within(used: NDArray[np.int32]) -> NDArray[np.int32]:
        return (start + np.searchsorted(rows, used[np.isin(used, rows)])).astype(np.int32)

    return replace(
        view,
        training=within(view.training),
        validation=within(view.validation),
        test=within(view.test),
    )
