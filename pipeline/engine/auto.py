"""Which engine trains which runs, and why; then all of them, stack by stack."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import keras
import numpy as np

from pipeline.build.optimizer import make_optimizer
from pipeline.engine.driver import Workshop, train_stack
from pipeline.engine.environment import device
from pipeline.engine.fit import FitTrainer
from pipeline.engine.fused.grouping import cut, group
from pipeline.engine.fused.memory import is_small, largest_stack
from pipeline.engine.fused.trainer import FusedTrainer
from pipeline.engine.protocol import OnEpoch, TrainedRun, Trainer
from pipeline.runs import Run

Choice = Literal["auto", "fit", "fused"]
BRANCHING = ("Hinge", "SquaredHinge")  # XLA does not compile their branch once it is one for several models


@dataclass(frozen=True)
class Stack:
    """Runs of one graph, to be trained together, by which engine and why; small stacks leave room for others."""

    runs: tuple[Run, ...]
    engine: Literal["fit", "fused"]
    reason: str
    small: bool = False


class Engine:
    """Trains lists of runs; what it builds and compiles serves all later calls."""

    def __init__(self, workshop: Workshop, choice: Choice = "auto") -> None:
        self.workshop, self.choice = workshop, choice
        self._trainers: dict[str, Trainer] = {"fit": FitTrainer(), "fused": FusedTrainer()}

    def stacks(self, runs: Sequence[Run]) -> list[Stack]:
        """Return `runs` as stacks: those of one graph together, as few as fit into memory."""
        return [
            stack
            for together in group(list(runs), self.workshop.run_signature)
            for stack in self._stacks_of_one_graph(together)
        ]

    def train(self, stack: Stack, on_epoch: OnEpoch) -> list[TrainedRun]:
        """Train one stack."""
        return train_stack(self.workshop, self._trainers[stack.engine], stack.runs, stack.reason, on_epoch)

    def train_all(
        self, runs: Sequence[Run], on_epoch: Callable[[Stack], OnEpoch]
    ) -> Iterator[tuple[Stack, list[TrainedRun]]]:
        """Yield each stack with its trained runs, one after the other."""
        for stack in self.stacks(runs):
            yield stack, self.train(stack, on_epoch(stack))

    def _stacks_of_one_graph(self, runs: Sequence[Run]) -> list[Stack]:
        obstacle = self._obstacle(runs[0])
        if self.choice == "fit" or obstacle:
            reason = obstacle or "engine: fit"
            return [Stack((run,), "fit", reason) for run in runs]
        largest = min(largest_stack(self.workshop, phase, runs[0]) for phase in runs[0].phases)
        small = all(is_small(self.workshop.template(runs[0], phase)) for phase in runs[0].phases)
        return [Stack(tuple(part), "fused", "one graph", small) for part in cut(runs, largest)]

    def _obstacle(self, run: Run) -> str:
        """Return why `run` cannot be fused, or does not gain by it; nothing when it can and does."""
        for phase in run.phases:
            if not elementwise(phase.recipe.optimizer):
                return f"the update of {phase.recipe.optimizer.name} is not elementwise"
            if phase.recipe.training.loss.name in BRANCHING:
                return f"{phase.recipe.training.loss.name} branches by its labels, which a stack cannot"
            if _convolves(self.workshop.template(run, phase)):
                return f"convolutions do not gain from fusing ({device()})"
        return ""


def _convolves(model: keras.Model) -> bool:
    return any(len(layer.output.shape) > 2 for layer in model.layers[1:])


def elementwise(spec: Any) -> bool:
    """Tell whether an optimizer moves each number by itself, whatever the others do; found by trying it.

    Two rows updated as one variable must move as each would alone, with a learning rate for each row.
    """
    return _elementwise(spec.model_dump_json())


@cache
def _elementwise(text: str) -> bool:
    from pipeline.params.recipe import OptimizerSpec

    spec = OptimizerSpec.model_validate_json(text)
    gradients = np.array([[0.5, -2.0, 1.0], [-0.1, 0.03, 4.0]], np.float32)
    together = _moved(spec, gradients, np.array([[0.1], [0.01]], np.float32))
    apart = [
        _moved(spec, gradients[[row]], np.array([[rate]], np.float32)) for row, rate in enumerate((0.1, 0.01))
    ]
    single = np.concatenate(
        [_moved(spec, gradients[:, [column]], np.array([[0.1], [0.01]], np.float32)) for column in range(3)],
        axis=1,
    )
    return np.allclose(together, np.concatenate(apart), atol=1e-6) and np.allclose(
        together, single, atol=1e-6
    )


def _moved(spec: Any, gradients: Any, rate: Any) -> Any:
    """Return where a variable of ones is after three steps."""
    from pipeline.engine.fused.program import Column

    column = Column(len(rate))
    column.value.assign(rate)
    optimizer = make_optimizer(spec, column, clip=False)
    variable = keras.Variable(np.ones_like(gradients))
    optimizer.build([variable])
    for _ in range(3):
        optimizer.apply([keras.ops.convert_to_tensor(gradients)], [variable])
    return np.asarray(variable)
