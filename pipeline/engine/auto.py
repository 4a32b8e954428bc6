"""Which engine trains which runs, and why; then all of them, stack by stack."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from pipeline.build.optimizer import make_optimizer
from pipeline.engine.batches import steps_per_epoch
from pipeline.engine.bookmarks import Checkpoints
from pipeline.engine.driver import Workshop, first_job, train_stack
from pipeline.engine.environment import on_gpu
from pipeline.engine.fit import FitTrainer
from pipeline.engine.fused.elementwise import moves_elementwise
from pipeline.engine.fused.grouping import cut, group
from pipeline.engine.fused.memory import first_guess, most_models
from pipeline.engine.fused.sizes import Sizes
from pipeline.engine.fused.trainer import FusedTrainer, compiles_whole, full_size
from pipeline.engine.protocol import OnEpoch, TrainedRun, Trainer
from pipeline.engine.workers import cores
from pipeline.params.phases import Phase
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

    def __init__(
        self,
        workshop: Workshop,
        choice: Choice = "auto",
        sizes: Sizes | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self.workshop, self.choice, self.sizes = workshop, choice, sizes or Sizes()
        self.checkpoints = checkpoints
        self._fused = FusedTrainer()
        self._trainers: dict[str, Trainer] = {"fit": FitTrainer(), "fused": self._fused}

    def stacks(self, runs: Sequence[Run]) -> list[Stack]:
        """Return `runs` as stacks: those of one graph together, as few as fit into memory."""
        return [
            stack
            for together in group(list(runs), self.workshop.run_signature)
            for stack in self._stacks_of_one_graph(together)
        ]

    def train(self, stack: Stack, on_epoch: OnEpoch) -> list[TrainedRun]:
        """Train one stack."""
        trainer = self._trainers[stack.engine]
        return train_stack(self.workshop, trainer, stack.runs, stack.reason, on_epoch, self.checkpoints)

    def _stacks_of_one_graph(self, runs: Sequence[Run]) -> list[Stack]:
        obstacle = self._obstacle(runs[0])
        if self.choice == "fit" or obstacle:
            reason = obstacle or "engine: fit"
            return [Stack((run,), "fit", reason) for run in runs]
        largest = full_size(min(self._largest(runs, phase) for phase in runs[0].phases))
        side_by_side = not on_gpu() and all(self._compiles_whole(runs[0], phase) for phase in runs[0].phases)
        return [Stack(tuple(part), "fused", "one graph", side_by_side) for part in cut(runs, largest)]

    def _largest(self, runs: Sequence[Run], phase: Phase) -> int:
        """Return how many models of one phase's graph to train at once."""
        run, batch = runs[0], phase.recipe.training.batch_size
        template = self.workshop.template(run, phase)
        if not compiles_whole(template):
            return 1
        graph = self.workshop.signature(run, phase)
        steps = steps_per_epoch(len(self.workshop.view(run, phase).training), batch)
        return self.sizes.best(
            graph,
            first=first_guess(template, batch, on_gpu()),
            most=min(len(runs), most_models(template, batch)),
            steps=steps * phase.recipe.training.epochs * len(runs) / (1 if on_gpu() else cores()),
            seconds=lambda size: self._fused.seconds_per_step(
                template, graph, first_job(self.workshop, run, phase, template), size
            ),
        )

    def _compiles_whole(self, run: Run, phase: Phase) -> bool:
        return compiles_whole(self.workshop.template(run, phase))

    def _obstacle(self, run: Run) -> str:
        """Return why `run` cannot be fused; nothing when it can."""
        for phase in run.phases:
            if not elementwise(phase.recipe.optimizer):
                return f"the update of {phase.recipe.optimizer.name} is not elementwise"
            if phase.recipe.training.loss.name in BRANCHING:
                return f"{phase.recipe.training.loss.name} branches by its labels, which a stack cannot"
        return ""


def elementwise(spec: OptimizerSpec) -> bool:
    """Tell whether a recipe's optimizer moves each number by itself, whatever the others do."""
    return _elementwise(spec.model_dump_json())


@cache
def _elementwise(text: str) -> bool:
    spec = OptimizerSpec.model_validate_json(text)
    return moves_elementwise(lambda learning_rate: make_optimizer(spec, learning_rate, clip=False))
