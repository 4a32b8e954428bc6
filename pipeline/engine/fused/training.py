"""A stack in training: models of one graph, epoch by epoch. It knows neither recipes nor Keras Tuner."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.fused.program import Program, Rows
from pipeline.engine.fused.rows import averages
from pipeline.engine.jobs import Weights
from pipeline.engine.rules import Decision

Batches = NDArray[np.int32]
"""Rows of a data set, `[steps, batch]`."""


class Rules(Protocol):
    """What is decided about one model after each epoch."""

    @property
    def over(self) -> bool:
        """Whether it trains no more; what it does together with others is then discarded."""
        ...

    @property
    def scale(self) -> float:
        """The factor on its learning rates of the next epoch."""
        ...

    def after_epoch(self, metrics: dict[str, float], learning_rate: float) -> Decision:
        """Take an epoch's metrics, and the rate of its last step; return what follows."""
        ...


@dataclass(frozen=True, eq=False)
class Unit:
    """One model of a stack: what it begins with, what it is trained on, how fast, and by which rules.

    `trainable` and `state` are in the order of the template's variables, `numbers` as `Program.load` takes them, `rates`
    `[steps of all epochs]`. `batches` returns those of an epoch (from 1): the whole ones, and what is left, which may be
    empty; units with one `order` have the same. `held_out` are the rows of the validation data, none where there are none.
    """

    trainable: Weights
    state: Weights
    numbers: Sequence[float]
    rates: NDArray[np.float32]
    order: Hashable
    batches: Callable[[int], Sequence[Batches]]
    held_out: NDArray[np.int32]
    rules: Rules


class StackTraining:
    """Trains `units` with a program; the best weights of each, as its rules say, are `kept`.

    `data` and `validation` are what rows are of, `names` those of the loss and of the program's metrics, `longest` how many
    rows are evaluated at once.
    """

    def __init__(
        self,
        program: Program,
        units: Sequence[Unit],
        data: Rows,
        validation: Rows,
        names: Sequence[str],
        longest: int,
    ) -> None:
        self.program, self.units, self.data, self.validation = program, units, data, validation
        self.names, self.longest = names, longest
        program.load(
            [unit.trainable for unit in units],
            [unit.state for unit in units],
            [unit.numbers for unit in units],
        )
        self.kept = program.read()

    @property
    def over(self) -> bool:
        """Whether no model trains any more."""
        return all(unit.rules.over for unit in self.units)

    def epochs(self, first: int, last: int) -> Iterator[int]:
        """Train from epoch `first` (from 1) to `last`, or until all are over; yield each once it is trained."""
        for epoch in range(first, last + 1):
            self._train(epoch)
            yield epoch
            if self.over:
                return

    def _train(self, epoch: int) -> None:
        parts = self.batches(epoch)
        steps = sum(len(batches) for batches in parts)
        scales = np.array([unit.rules.scale for unit in self.units], np.float32)
        table = np.stack([unit.rates[(epoch - 1) * steps : epoch * steps] for unit in self.units])
        table = table * scales[:, None]
        measured = {**self.named("", self._steps(parts, table)), **self._validate()}
        keep = np.zeros(len(self.units), bool)
        for slot, unit in enumerate(self.units):
            if not unit.rules.over:
                metrics = {name: float(values[slot]) for name, values in measured.items()}
                keep[slot] = unit.rules.after_epoch(metrics, float(table[slot, -1])).keep
        self.kept = self.program.keep(self.kept, keep)

    def batches(self, epoch: int) -> list[NDArray[np.int32]]:
        """Return an epoch's batches, `[steps, models, batch]`: the whole ones, and what is left."""
        drawn: dict[Hashable, Sequence[Batches]] = {}
        for unit in self.units:
            if unit.order not in drawn:
                drawn[unit.order] = unit.batches(epoch)
        parts = zip(*(drawn[unit.order] for unit in self.units), strict=True)
        return [np.stack(part, axis=1) for part in parts]

    def _steps(self, parts: Sequence[NDArray[np.int32]], table: NDArray[np.float32]) -> Any:
        """Train an epoch's steps; return mean losses and metrics."""
        means, rows, done = [], [], 0
        for train, batches in zip((self.program.epoch, self.program.rest), parts, strict=False):
            if batches.size:
                means.append(train(self.data, batches, by_step(table[:, done : done + len(batches)])))
                rows.append(batches.shape[0] * batches.shape[2])
            done += len(batches)
        return means[0] if len(means) == 1 else np.average(means, axis=0, weights=rows)

    def _validate(self) -> dict[str, Any]:
        """Return each model's metrics on validation rows; none where none are held out."""
        if not len(self.units[0].held_out):
            return {}
        return self.named("val_", self.evaluate(self.validation, [unit.held_out for unit in self.units]))

    def evaluate(self, data: Rows, rows: Sequence[NDArray[np.int32]]) -> list[NDArray[Any]]:
        """Return each model's mean loss and metrics over its `rows` of `data`, with its current weights."""
        return averages(self.program, data, rows, self.longest)

    def named(self, part: str, measured: Sequence[Any]) -> dict[str, Any]:
        """Return measurements of a part of the data by name."""
        return {f"{part}{name}": values for name, values in zip(self.names, measured, strict=True)}

    def states(self) -> list[list[NDArray[Any]]]:
        """Return what each model's training goes on from: everything that changes, and what is kept."""
        kept = [*self.kept[0], *self.kept[1]]
        return [
            [*state, *(array[slot] for array in kept)] for slot, state in enumerate(self.program.states())
        ]

    def go_on(self, states: Sequence[list[NDArray[Any]]]) -> None:
        """Put back what `states` returned of each model, after a program was loaded with them."""
        flat, others = map(len, self.kept)
        kept = [
            np.stack(arrays) for arrays in zip(*(state[-flat - others :] for state in states), strict=True)
        ]
        self.program.restore_states([state[: -flat - others] for state in states])
        self.kept = kept[:flat], kept[flat:]

    def kept_weights(self) -> list[tuple[Weights, Weights]]:
        """Return each model's kept trainable variables, and its other state."""
        trainable = self.program.layout.unstack(self.kept[0])
        return [(trainable[slot], [array[slot] for array in self.kept[1]]) for slot in range(len(self.units))]


def by_step(table: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rates `[models, steps]` as programs take them, `[steps, models, 1]`."""
    return np.ascontiguousarray(table.T[:, :, None], dtype=np.float32)
