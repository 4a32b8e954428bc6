"""From runs to trained runs: the same way for every engine, phase after phase, one stack at a time."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import RLock

import keras

from pipeline.build.model import blocks, build_model, is_image_model, trainable_layers
from pipeline.build.weights import Weights, carry_over, count, initial_weights, seed_states
from pipeline.engine.batches import steps_per_epoch
from pipeline.engine.bookmarks import (
    Bookmark,
    Checkpoints,
    name_of,
    outcomes_as_checkpoint,
    outcomes_of,
)
from pipeline.engine.environment import device, environment
from pipeline.engine.features import Parts, cut_at_frozen, on_features, too_large
from pipeline.engine.fused.grouping import signature
from pipeline.engine.protocol import Job, OnEpoch, PhaseOutcome, TrainedRun, Trainer
from pipeline.engine.views import View, Views
from pipeline.params.expand import canonical
from pipeline.params.phases import Phase
from pipeline.records import Curves, EngineRecord, RunRecord
from pipeline.runs import Run
from pipeline.seeds import derive


@dataclass
class Progress:
    """Where one run of a stack stands between phases."""

    run: Run
    weights: Weights | None = None
    template: keras.Model | None = None
    curves: Curves | None = None
    outcome: PhaseOutcome | None = None
    epochs_before: int = 0


class Workshop:
    """What stacks share: data, and templates by graph, so that nothing is built or compiled twice.

    `views` gives the views of a data set by its name.
    """

    def __init__(self, views: Callable[[str], Views]) -> None:
        self.views = views
        self._templates: dict[str, keras.Model] = {}
        self._parts: dict[str, Parts | str] = {}
        self._lock = RLock()

    def view(self, run: Run, phase: Phase) -> View:
        """Return what `run` sees of the data in `phase`."""
        flat = not is_image_model(phase.recipe.model)
        return self.views(run.context.dataset).view(phase.recipe.data, flat, run.seeds.split, run.fold)

    def signature(self, run: Run, phase: Phase, exact: bool = False) -> str:
        """Return what all runs of a stack must share in `phase`; `exact`: numbers that can be lifted too."""
        view = self.view(run, phase)
        steps = steps_per_epoch(len(view.training), phase.recipe.training.batch_size)
        trainable = phase.trainable if isinstance(phase.trainable, str) else phase.trainable.model_dump()
        shape = [view.pool, steps, view.classes, trainable, phase.cache_features]
        return signature(phase.recipe, shape, exact)

    def run_signature(self, run: Run) -> str:
        """Return what all runs of a stack must share in all phases; replicates are tested, trials are not."""
        parts = [self.signature(run, phase) for phase in run.phases]
        return "\n".join([run.phase, *parts])

    def template(self, run: Run, phase: Phase, exact: bool = False) -> keras.Model:
        """Return the model whose graph `run` has in `phase`; its own weights mean nothing, nor its lifted numbers."""
        key = self.signature(run, phase, exact)
        with self._lock:
            if key not in self._templates:
                self._templates[key] = self._build(run, phase)
            return self._templates[key]

    def parts(self, run: Run, phase: Phase, exact: bool = False) -> Parts | str:
        """Return the template of `run` in `phase`, cut above its frozen layers; or why it cannot be."""
        key = self.signature(run, phase, exact)
        with self._lock:
            if key not in self._parts:
                self._parts[key] = cut_at_frozen(self.template(run, phase, exact))
            return self._parts[key]

    def _build(self, run: Run, phase: Phase) -> keras.Model:
        view = self.view(run, phase)
        model = build_model(phase.recipe, view.image_shape, view.classes)
        trainable_layers(model, phase.trainable, len(blocks(phase.recipe.model)))
        return model


def train_stack(
    workshop: Workshop,
    trainer: Trainer,
    runs: Sequence[Run],
    reason: str,
    on_epoch: OnEpoch,
    checkpoints: Checkpoints | None = None,
) -> list[TrainedRun]:
    """Train `runs`, all of one graph, through all their phases with one trainer."""
    stack = [Progress(run) for run in runs]
    phase_lists = [run.phases for run in runs]
    reasons, seconds = [reason], []
    for number in range(len(phase_lists[0])):
        started = time.perf_counter()
        bookmark = Bookmark(name_of([run.key for run in runs], number, trainer.name), checkpoints)
        phases = [phases[number] for phases in phase_lists]
        reasons += _train_phase(workshop, trainer, stack, phases, number, on_epoch, bookmark)
        seconds.append((time.perf_counter() - started) / len(runs))
    engine = [EngineRecord(trainer.name, "; ".join(reasons), len(runs), slot) for slot in range(len(runs))]
    return [_finished(state, record, seconds) for state, record in zip(stack, engine, strict=True)]


def _train_phase(
    workshop: Workshop,
    trainer: Trainer,
    stack: Sequence[Progress],
    phases: Sequence[Phase],
    number: int,
    on_epoch: OnEpoch,
    bookmark: Bookmark,
) -> list[str]:
    """Take a stack through one phase; return what is to be noted beside the reason for its engine."""
    last = number == len(stack[0].run.phases) - 1
    template = workshop.template(stack[0].run, phases[0], trainer.exact)
    jobs = [
        _job(workshop, state, phase, template, number, last)
        for state, phase in zip(stack, phases, strict=True)
    ]
    parts = workshop.parts(stack[0].run, phases[0], trainer.exact) if phases[0].cache_features else None
    why_not = parts if isinstance(parts, str) else too_large(parts, jobs) if parts else ""
    outcomes = outcomes_of(bookmark.load())
    if outcomes is None:
        signature = workshop.signature(stack[0].run, phases[0], trainer.exact)
        if isinstance(parts, Parts) and not why_not:
            outcomes = _train_on_features(parts, trainer, signature, jobs, on_epoch, bookmark)
        else:
            outcomes = trainer.train(template, signature, jobs, on_epoch, bookmark)
        if not last and bookmark.is_worthwhile():
            ended = outcomes_as_checkpoint(outcomes)
            bookmark.keep(ended.plain, ended.arrays)
    for state, outcome in zip(stack, outcomes, strict=True):
        state.epochs_before = len(state.curves["loss"]) if state.curves else 0
        state.curves = _joined(state.curves, outcome.curves)
        state.weights, state.template, state.outcome = (
            outcome.weights,
            template,
            _worst(state.outcome, outcome),
        )
    return [f"features of {phases[0].name} not cached: {why_not}"] if why_not else []


def _train_on_features(
    parts: Parts,
    trainer: Trainer,
    signature: str,
    jobs: Sequence[Job],
    on_epoch: OnEpoch,
    bookmark: Bookmark,
) -> list[PhaseOutcome]:
    """Train the layers above the frozen ones on what those give."""
    name, moved = f"{signature} above frozen layers", on_features(parts, jobs)
    outcomes = trainer.train(parts.upper, name, moved, on_epoch, bookmark)
    return [
        replace(outcome, weights=parts.put_back(job.weights, outcome.weights))
        for job, outcome in zip(jobs, outcomes, strict=True)
    ]


def _job(
    workshop: Workshop, state: Progress, phase: Phase, template: keras.Model, number: int, last: bool
) -> Job:
    run, seeds = state.run, state.run.seeds
    weights = initial_weights(template, phase.recipe, derive(seeds.weights, number))
    if state.weights is not None and state.template is not None:
        same_classes = _task(run.phases[number - 1]) == _task(phase)
        weights = carry_over(weights, template, state.weights, state.template, phase.reuse, same_classes)
    return Job(
        recipe=phase.recipe,
        view=workshop.view(run, phase),
        weights=weights,
        states=seed_states(template, derive(seeds.dropout, number)),
        batch_seed=derive(seeds.batches, number),
        test=last and run.phase == "replicate",
    )


def first_job(workshop: Workshop, run: Run, phase: Phase, template: keras.Model) -> Job:
    """Return `run`'s part in `phase` as if that came first, to measure what its steps take."""
    return _job(workshop, Progress(run), phase, template, 0, last=False)


def _task(phase: Phase) -> tuple[object, bool]:
    """Return what the classes that a phase tells apart stand for."""
    data = phase.recipe.data
    return data.classes, data.pairs is not None


def _joined(before: Curves | None, now: Curves) -> Curves:
    return now if before is None else {name: before[name] + now[name] for name in now}


def _worst(before: PhaseOutcome | None, now: PhaseOutcome) -> PhaseOutcome:
    """Return this phase's outcome, unless an earlier phase diverged: what follows a divergence counts for nothing."""
    return before if before is not None and before.diverged else now


def _finished(state: Progress, engine: EngineRecord, seconds: list[float]) -> TrainedRun:
    run, outcome = state.run, state.outcome
    assert outcome is not None and state.curves is not None and state.weights is not None
    best = state.epochs_before + outcome.kept_epoch
    record = RunRecord(
        key=run.key,
        recipe=canonical(run.recipe),
        dataset=run.context.dataset,
        seed=run.seed,
        phase=run.phase,
        outcome="diverged" if outcome.diverged else "finished",
        metrics={**_at(state.curves, best), **outcome.test},
        curves=state.curves,
        epochs=len(state.curves["loss"]),
        best_epoch=best,
        parameters=count(state.weights),
        seconds=sum(seconds),
        phase_seconds=seconds,
        engine=engine,
        device=device(),
        environment=environment(),
    )
    return TrainedRun(record, None if outcome.diverged else state.weights)


def _at(curves: Curves, epoch: int) -> dict[str, float]:
    """Return the figures of the epoch whose weights were kept, or of the last whole one before a divergence."""
    names = [name for name in curves if name != "learning_rate"]
    return {name: curves[name][epoch - 1] for name in names if 0 < epoch <= len(curves[name])}
