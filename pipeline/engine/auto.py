"""Which engine trains which runs, and why; then all of them, stack by stack."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from pipeline.build.model import convolves
from pipeline.build.optimizer import make_optimizer
from pipeline.engine.driver import Workshop, train_stack
from pipeline.engine.environment import device
from pipeline.engine.fit import FitTrainer
from pipeline.engine.fused.elementwise import moves_elementwise
from pipeline.engine.fused.grouping import cut, group
from pipeline.engine.fused.memory import is_small, largest_stack
from pipeline.engine.fused.trainer import FusedTrainer
from pipeline.engine.protocol import OnEpoch, TrainedRun, Trainer
from pipeline.params.recipe import OptimizerSpec
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
        templates = [(self.workshop.template(runs[0], phase), phase) for phase in runs[0].phases]
        largest = min(largest_stack(made, phase.recipe.training.batch_size) for made, phase in templates)
        small = all(is_small(made) for made, _ in templates)
        return [Stack(tuple(part), "fused", "one graph", small) for part in cut(runs, largest)]

    def _obstacle(self, run: Run) -> str:
        """Return why `run` cannot be fused, or does not gain by it; nothing when it can and does."""
        for phase in run.phases:
            if not elementwise(phase.recipe.optimizer):
                return f"the update of {phase.recipe.optimizer.name} is not elementwise"
            if phase.recipe.training.loss.name in BRANCHING:
                return f"{phase.recipe.training.loss.name} branches by its labels, which a stack cannot"
            if convolves(self.workshop.template(run, phase)):
                return f"convolutions do not gain from fusing ({device()})"
        return ""


def elementwise(spec: OptimizerSpec) -> bool:
    """Tell whether a recipe's optimizer moves each number by itself, whatever the others do."""
    return _elementwise(spec.model_dump_json())


@cache
def _elementwise(text: str) -> bool:
    spec = OptimizerSpec.model_validate_json(text)
    return moves_elementwise(lambda learning_rate: make_optimizer(spec, learning_rate, clip=False))
