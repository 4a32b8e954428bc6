"""Forms stacks of runs, decides which engine trains each and why, and trains them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from math import ceil
from typing import Literal

from pipeline.build.model import convolves
from pipeline.build.optimizer import make_optimizer
from pipeline.core.machine import cores
from pipeline.core.text import one_line
from pipeline.engine.batches import steps_per_epoch
from pipeline.engine.checkpoints import Checkpoints
from pipeline.engine.environment import on_gpu, one_thread
from pipeline.engine.fit import FitTrainer
from pipeline.engine.fused.elementwise import moves_elementwise
from pipeline.engine.fused.grouping import cut, group
from pipeline.engine.fused.memory import first_guess, most_models
from pipeline.engine.fused.sizes import Sizes
from pipeline.engine.fused.trainer import FusedTrainer, compiles_whole, full_size
from pipeline.engine.jobs import Beginning, OnEpoch, TrainedRun
from pipeline.engine.model_cache import ModelCache
from pipeline.engine.phases import first_job, train_stack
from pipeline.engine.trainer import Trainer
from pipeline.params.types.phases import Phase
from pipeline.params.types.recipe import OptimizerSpec
from pipeline.runs.run import Run

EngineChoice = Literal["auto", "fit", "fused"]
UNTRACEABLE = (TypeError, ValueError, NotImplementedError, AttributeError)
"""What TensorFlow and JAX raise where they cannot trace an operation for several models, or at all."""
REASON = 200
"""Characters of an error that are kept in records."""
BRANCHING = ("Hinge", "SquaredHinge")
"""Losses with a branch that XLA does not compile once it is for several models."""


@dataclass(frozen=True)
class Stack:
    """Runs of one graph to be trained together, by which engine and why; `small` ones can train at the same time.

    `beginnings` are what of each is trained already, where there is anything.
    """

    runs: tuple[Run, ...]
    engine: Literal["fit", "fused"]
    reason: str
    small: bool = False
    beginnings: tuple[Beginning | None, ...] = field(default=(), compare=False)


class Engine:
    """Trains lists of runs; what it builds and compiles is used again in later calls.

    Example: `[run for stack in engine.stacks(runs) for run in engine.train(stack, on_epoch)]`.
    """

    def __init__(
        self,
        model_cache: ModelCache,
        choice: EngineChoice = "auto",
        sizes: Sizes | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self.model_cache, self.choice, self.sizes = model_cache, choice, sizes or Sizes()
        self.checkpoints = checkpoints
        self._fused = FusedTrainer()
        self._alone: set[str] = set()
        self._untraceable: dict[str, str] = {}
        self._trainers: dict[str, Trainer] = {"fit": FitTrainer(), "fused": self._fused}

    def stacks(self, runs: Sequence[Run], beginnings: Mapping[str, Beginning] | None = None) -> list[Stack]:
        """Return `runs` as stacks: those of one graph together, in as few stacks as memory and speed allow.

        `beginnings`: by a run's key, what of it is trained already.
        """
        begun = beginnings or {}
        return [
            replace(stack, beginnings=_beginnings(stack.runs, begun))
            for same_graph in group(runs, lambda run: self._graph(run, begun.get(run.key)))
            for stack in self._stacks_of_one_graph(same_graph, begun.get(same_graph[0].key))
        ]

    def graph(self, stack: Stack) -> str:
        """Return what the runs of a stack share in the phases that are still to be trained."""
        return self._graph(stack.runs[0], stack.beginnings[0] if stack.beginnings else None)

    def train(self, stack: Stack, on_epoch: OnEpoch) -> list[TrainedRun]:
        """Return the trained runs of one stack, in its order; `on_epoch` is called after each epoch.

        Where operations of a model cannot be traced for several models at once, each run is trained alone; where not for
        one either, by `fit`.
        """
        trainer = self._trainers[stack.engine]
        try:
            return train_stack(
                self.model_cache,
                trainer,
                stack.runs,
                stack.reason,
                on_epoch,
                self.checkpoints,
                stack.beginnings,
            )
        except UNTRACEABLE as error:
            if stack.engine == "fit":
                raise
            simpler = self._simpler(stack, error)
        return [trained for one in simpler for trained in self.train(one, on_epoch)]

    def _graph(self, run: Run, beginning: Beginning | None) -> str:
        """Return what a run must share with others of its stack in the phases that are still to be trained."""
        if beginning is None:
            return self.model_cache.run_signature(run)
        return self.model_cache.run_signature(run, beginning.phases, beginning.epochs)

    def _simpler(self, stack: Stack, error: Exception) -> list[Stack]:
        """Return the runs of a stack that could not be traced as stacks of one, or for `fit`; later ones are so at once."""
        why = one_line(error)[-REASON:]
        graph = self.graph(stack)
        if len(stack.runs) > 1:
            self._alone.add(graph)
            reason = f"one graph, each run alone: {why}"
            return [
                Stack((run,), "fused", reason, stack.small, stack.beginnings[slot : slot + 1])
                for slot, run in enumerate(stack.runs)
            ]
        self._untraceable[graph] = f"the fused engine cannot trace it: {why}"
        return [Stack(stack.runs, "fit", self._untraceable[graph], beginnings=stack.beginnings)]

    def _stacks_of_one_graph(self, runs: Sequence[Run], beginning: Beginning | None) -> list[Stack]:
        graph = self._graph(runs[0], beginning)
        obstacle = self._untraceable.get(graph) or self._obstacle(runs[0])
        if self.choice == "fit" or obstacle:
            reason = obstacle or "engine: fit"
            return [Stack((run,), "fit", reason) for run in runs]
        phases = self.model_cache.phases(runs[0])[beginning.phases if beginning else 0 :]
        largest = 1 if graph in self._alone else min(self._largest(runs, phase) for phase in phases)
        small = not on_gpu() and all(self._takes_one_core(runs[0], phase) for phase in phases)
        if small and any(self.sizes.is_long(self.model_cache.signature(runs[0], phase)) for phase in phases):
            largest = min(largest, ceil(len(runs) / cores()))  # no core waits for minutes
        largest = full_size(largest)
        return [Stack(tuple(part), "fused", "one graph", small) for part in cut(runs, largest)]

    def _largest(self, runs: Sequence[Run], phase: Phase) -> int:
        """Return how many models of one phase's graph to train at once."""
        run, batch = runs[0], phase.recipe.training.batch_size
        template = self.model_cache.template(run, phase)
        if convolves(template) and not on_gpu():
            return 1
        graph = self.model_cache.signature(run, phase)
        steps = steps_per_epoch(len(self.model_cache.view(run, phase).training), batch)
        return self.sizes.best(
            graph,
            first=first_guess(template, batch, on_gpu()),
            most=min(len(runs), most_models(template, batch)),
            steps=steps * phase.recipe.training.epochs * len(runs) / (1 if on_gpu() else cores()),
            seconds=lambda size: self._fused.seconds_per_step(
                template, graph, first_job(self.model_cache, run, phase, template), size
            ),
        )

    def _takes_one_core(self, run: Run, phase: Phase) -> bool:
        """Return whether a stack leaves the other cores alone: one of XLA's, or any where operations have one thread."""
        template = self.model_cache.template(run, phase)
        fits = most_models(template, phase.recipe.training.batch_size) >= cores()
        return compiles_whole(template) or (one_thread() and fits)

    def _obstacle(self, run: Run) -> str:
        """Return why `run` cannot be fused; empty where it can."""
        for phase in self.model_cache.phases(run):
            if self.model_cache.view(run, phase).is_streamed:
                return "the inputs are larger than memory, and read as they are needed"
            if not elementwise(phase.recipe.optimizer):
                return f"the update of {phase.recipe.optimizer.name} is not elementwise"
            loss = phase.recipe.training.loss
            if loss is not None and loss.name in BRANCHING:
                return f"{loss.name} branches by its labels, which a stack cannot"
        return ""


def _beginnings(runs: Sequence[Run], begun: Mapping[str, Beginning]) -> tuple[Beginning | None, ...]:
    beginnings = tuple(begun.get(run.key) for run in runs)
    return beginnings if any(beginnings) else ()


def elementwise(spec: OptimizerSpec) -> bool:
    """Return whether a recipe's optimizer updates each number independently of all others."""
    return _elementwise(spec.model_dump_json())


@cache
def _elementwise(text: str) -> bool:
    spec = OptimizerSpec.model_validate_json(text)
    return moves_elementwise(lambda learning_rate: make_optimizer(spec, learning_rate, clip=False))
