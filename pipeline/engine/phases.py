"""From runs to trained runs, in the same way for every engine: one stack at a time, phase after phase."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import keras

from pipeline.build.weights import Weights, carry_over, count, initial_weights, seed_states
from pipeline.engine.checkpoints import (
    Checkpoints,
    PhaseCheckpoint,
    name_of,
    outcomes_as_checkpoint,
    outcomes_of,
)
from pipeline.engine.class_weights import class_weights
from pipeline.engine.environment import device, environment
from pipeline.engine.features import Parts, on_features, too_large
from pipeline.engine.jobs import Beginning, Checkpoint, Job, OnEpoch, PhaseOutcome, TrainedRun
from pipeline.engine.model_cache import ModelCache
from pipeline.engine.trainer import Trainer
from pipeline.params.expansion.resolve import canonical
from pipeline.params.types.phases import Phase
from pipeline.runs.records import Curves, EngineRecord, RunRecord
from pipeline.runs.run import Run
from pipeline.runs.seeds import derive


@dataclass
class RunState:
    """One run of a stack between two phases."""

    run: Run
    weights: Weights | None = None
    template: keras.Model | None = None
    curves: Curves | None = None
    outcome: PhaseOutcome | None = None
    epochs_before: int = 0
    seconds: list[float] = field(default_factory=list)
    """Those of each phase before the first that is trained here."""
    start: Checkpoint | None = None
    """What the first phase that is trained here goes on from, after so many seconds (`spent`)."""
    spent: float = 0.0

    def begin(self, beginning: Beginning, template: keras.Model) -> None:
        """Go on from phases that were trained before, the last of them with `template`."""
        record = beginning.record
        self.seconds = [seconds / beginning.runs for seconds in record.phase_seconds]
        self.after_phase(
            template, PhaseOutcome(record.curves, beginning.weights, record.best_epoch, False, {})
        )

    def go_on(self, beginning: Beginning) -> None:
        """Go on within a phase."""
        self.start, self.spent = beginning.state, sum(beginning.record.phase_seconds)

    def after_phase(self, template: keras.Model, outcome: PhaseOutcome) -> None:
        """Go on with what a phase's training gave; the outcomes of phases after a divergence do not count."""
        before = self.curves or {name: [] for name in outcome.curves}
        self.epochs_before = len(before["loss"])
        self.curves = {name: before[name] + values for name, values in outcome.curves.items()}
        self.template, self.weights = template, outcome.weights
        if self.outcome is None or not self.outcome.diverged:
            self.outcome = outcome


def train_stack(
    model_cache: ModelCache,
    trainer: Trainer,
    runs: Sequence[Run],
    reason: str,
    on_epoch: OnEpoch,
    checkpoints: Checkpoints | None = None,
    beginnings: Sequence[Beginning | None] = (),
) -> list[TrainedRun]:
    """Train `runs`, all of one graph, through all their phases with one trainer.

    `beginnings`: what of each is trained already, equally much of all; nothing where it is empty.
    """
    phase_lists = [model_cache.phases(run) for run in runs]
    stack, first = [RunState(run) for run in runs], 0
    for state, own_phases, beginning in zip(stack, phase_lists, beginnings, strict=False):
        if beginning is not None and beginning.state is not None:
            state.go_on(beginning)
        elif beginning is not None:
            first = beginning.phases
            state.begin(beginning, model_cache.template(state.run, own_phases[first - 1], trainer.exact))
    reasons, seconds = [reason], []
    for number in range(first, len(phase_lists[0])):
        started = time.perf_counter()
        checkpoint = PhaseCheckpoint(name_of([run.key for run in runs], number, trainer.name), checkpoints)
        phases = [phases[number] for phases in phase_lists]
        reasons += _train_phase(model_cache, trainer, stack, phases, number, on_epoch, checkpoint)
        seconds.append((time.perf_counter() - started) / len(runs))
    engine = [EngineRecord(trainer.name, "; ".join(reasons), len(runs), slot) for slot in range(len(runs))]
    return [
        _finished(state, record, [*state.seconds, seconds[0] + state.spent, *seconds[1:]])
        for state, record in zip(stack, engine, strict=True)
    ]


def _train_phase(
    model_cache: ModelCache,
    trainer: Trainer,
    stack: Sequence[RunState],
    phases: Sequence[Phase],
    number: int,
    on_epoch: OnEpoch,
    checkpoint: PhaseCheckpoint,
) -> list[str]:
    """Train a stack through one phase; return what is to be recorded in addition to the reason for its engine."""
    run, phase, exact = stack[0].run, phases[0], trainer.exact
    last = number == len(run.phases) - 1
    template = model_cache.template(run, phase, exact)
    jobs = [
        _job(model_cache, state, own_phase, template, number, last)
        for state, own_phase in zip(stack, phases, strict=True)
    ]
    parts, why_not = _cut(model_cache, run, phase, exact, jobs)
    outcomes = outcomes_of(checkpoint.load())
    if outcomes is None:
        signature = model_cache.signature(run, phase, exact)
        if parts is None:
            outcomes = trainer.train(template, signature, jobs, on_epoch, checkpoint)
        else:
            outcomes = _train_on_features(parts, trainer, signature, jobs, on_epoch, checkpoint)
        if not last and checkpoint.is_worthwhile():
            ended = outcomes_as_checkpoint(outcomes)
            checkpoint.save(ended.plain, ended.arrays)
    for state, outcome in zip(stack, outcomes, strict=True):
        state.after_phase(template, outcome)
    return why_not


def _cut(
    model_cache: ModelCache, run: Run, phase: Phase, exact: bool, jobs: Sequence[Job]
) -> tuple[Parts | None, list[str]]:
    """Return the template cut above its frozen layers, where their outputs are cached; else why they are not."""
    if not phase.cache_features:
        return None, []
    parts = model_cache.parts(run, phase, exact)
    why_not = parts if isinstance(parts, str) else too_large(parts, jobs)
    if isinstance(parts, str) or why_not:
        return None, [f"features of {phase.name} not cached: {why_not}"]
    return parts, []


def _train_on_features(
    parts: Parts,
    trainer: Trainer,
    signature: str,
    jobs: Sequence[Job],
    on_epoch: OnEpoch,
    checkpoint: PhaseCheckpoint,
) -> list[PhaseOutcome]:
    """Train the layers above the frozen ones on the outputs of those."""
    name, upper = f"{signature} above frozen layers", on_features(parts, jobs)
    outcomes = trainer.train(parts.upper, name, upper, on_epoch, checkpoint)
    return [
        replace(outcome, weights=parts.put_back(job.weights, outcome.weights))
        for job, outcome in zip(jobs, outcomes, strict=True)
    ]


def _job(
    model_cache: ModelCache, state: RunState, phase: Phase, template: keras.Model, number: int, last: bool
) -> Job:
    run, seeds = state.run, state.run.seeds
    weights = initial_weights(template, phase.recipe, derive(seeds.weights, number))
    if state.weights is not None and state.template is not None:
        same_classes = _task(run.phases[number - 1]) == _task(phase)
        weights = carry_over(weights, template, state.weights, state.template, phase.reuse, same_classes)
    view = model_cache.view(run, phase)
    return Job(
        recipe=phase.recipe,
        view=view,
        weights=weights,
        states=seed_states(template, derive(seeds.dropout, number)),
        batch_seed=derive(seeds.batches, number),
        test=last and run.is_tested,
        class_weights=class_weights(phase.recipe, view, run.context.dataset),
        until=run.epochs if last else None,
        start=state.start,
    )


def first_job(model_cache: ModelCache, run: Run, phase: Phase, template: keras.Model) -> Job:
    """Return `run`'s part in `phase` as if that were the first phase, to measure how long its steps take."""
    return _job(model_cache, RunState(run), phase, template, 0, last=False)


def _task(phase: Phase) -> tuple[object, bool]:
    """Return what decides the meaning of the classes that a phase distinguishes."""
    data = phase.recipe.data
    return data.classes, data.pairs is not None


def _finished(state: RunState, engine: EngineRecord, seconds: list[float]) -> TrainedRun:
    run, outcome, template = state.run, state.outcome, state.template
    if outcome is None or template is None or state.curves is None or state.weights is None:
        raise RuntimeError("a run is finished only after its last phase")
    epochs = len(state.curves["loss"])
    best = epochs if outcome.state is not None else state.epochs_before + outcome.kept_epoch
    record = RunRecord(
        **_identity(run),
        outcome="diverged" if outcome.diverged else "finished",
        metrics={**_metrics_at(state.curves, best), **outcome.test},
        curves=state.curves,
        epochs=epochs,
        best_epoch=best,
        parameters=count(state.weights),
        trainable_parameters=sum(prod(weight.shape) for weight in template.trainable_weights),
        seconds=sum(seconds),
        phase_seconds=seconds,
        engine=engine,
        device=device(),
        environment=environment(),
    )
    return TrainedRun(record, None if outcome.diverged else state.weights, outcome.state)


def _identity(run: Run) -> dict[str, Any]:
    """Return the fields of a record that say which run it is of."""
    recipe = run.recipe.model_copy(update={"phases": run.recipe.phases[: run.until]})
    return {
        "key": run.key,
        "recipe": canonical(recipe),
        "dataset": run.context.dataset,
        "seed": run.seed,
        "kind": run.kind if run.until is None else "shared",
    }


def diverged_record(run: Run, beginning: RunRecord) -> RunRecord:
    """Return the record of a run whose first phases, trained before, diverged: the others are not trained."""
    return replace(beginning, **_identity(run))


def failed_record(run: Run, reason: str) -> RunRecord:
    """Return the record of a run whose model could not be built, which counts as diverged."""
    return RunRecord(
        **_identity(run),
        outcome="diverged",
        metrics={},
        curves={"loss": []},
        epochs=0,
        best_epoch=0,
        parameters=0,
        seconds=0.0,
        engine=EngineRecord("fit", f"could not be built: {reason}"),
        device=device(),
        environment=environment(),
    )


def _metrics_at(curves: Curves, epoch: int) -> dict[str, float]:
    """Return the metrics of the epoch whose weights were kept, or of the last whole one before a divergence."""
    names = [name for name in curves if name != "learning_rate"]
    return {name: curves[name][epoch - 1] for name in names if 0 < epoch <= len(curves[name])}
