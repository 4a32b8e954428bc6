"""The tuner classes: they build many trials ahead, and train together those of one graph."""

import gc
import warnings
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import keras_tuner

from pipeline.engine.fused.grouping import group
from pipeline.engine.fused.trainer import Programs
from pipeline.tuner.request import Request, read_request
from pipeline.tuner.stack import Fusible, fusible, train_together
from pipeline.tuner.stock import foresee, is_stock, trials_ahead

STOPPED, IDLE = "STOPPED", "IDLE"
HELD_NUMBERS = 100_000_000
"""Weights of all models that are built and not trained yet."""


@dataclass
class _Trial:
    """A trial of Keras Tuner and what was built for it ahead: models, or at last the error that a build raised."""

    trial: Any
    built: list[Any] = field(default_factory=list)
    executions: list[Fusible] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        return bool(self.built) and isinstance(self.built[-1], BaseException)

    @property
    def numbers(self) -> int:
        """How many weights its models have."""
        return sum(execution.model.count_params() for execution in self.executions)


class Fused(keras_tuner.Tuner):
    """A mixin for a tuner of Keras Tuner: its `search` trains trials of one graph together.

    A trial is fused where each step that Keras Tuner would take for it is its own and known to give the same; all
    others are built and trained by Keras Tuner itself (docs/fused-tuner.md says which). `fused_trials` limits how many
    trials are asked for at once; by default as many as the oracle would give anyway, without knowing their scores.

    Attributes:
        stacks: the ids of the trials that trained together, stack by stack; a trial of several executions occurs as
            often.

    Example:
        tuner = RandomSearch(build_model, objective="val_accuracy", max_trials=50)
        tuner.search(x, y, epochs=10, validation_split=0.2)
        tuner.stacks
    """

    def __init__(self, *args: Any, fused_trials: int | None = None, **kwargs: Any) -> None:
        self.fused_trials = fused_trials
        self.stacks: list[tuple[str, ...]] = []
        self._ready: deque[Any] = deque()
        self._seen: Counter[str] = Counter()
        self._programs = Programs()
        super().__init__(*args, **kwargs)

    def search(self, *fit_args: Any, **fit_kwargs: Any) -> None:
        """Search as `keras_tuner.Tuner.search` does; arguments are those of `keras.Model.fit`."""
        request = read_request(fit_args, fit_kwargs) if self._may_fuse() else None
        if request is None:
            super().search(*fit_args, **fit_kwargs)
            return
        if "verbose" in fit_kwargs:
            self.oracle.verbose = fit_kwargs["verbose"]
        self.on_search_begin()
        with _quick_collections():
            while batch := self._next_batch(request):
                self._train_together([execution for trial in batch for execution in trial.executions])
                for trial in batch:
                    self.on_trial_begin(trial.trial)
                    self._ready = deque(trial.built)
                    self._try_run_and_update_trial(trial.trial, *fit_args, **fit_kwargs)
                    self._ready.clear()
                    self.on_trial_end(trial.trial)
        self.on_search_end()

    def _may_fuse(self) -> bool:
        return keras.backend.backend() == "tensorflow" and is_stock(self)

    def _try_build(self, hp: Any) -> Any:
        """Return the next model that was built ahead for the current trial, or raise its error; else build one."""
        if not self._ready:
            return super()._try_build(hp)
        built = self._ready.popleft()
        if isinstance(built, BaseException):
            raise built
        return built

    def _next_batch(self, request: Request) -> list[_Trial]:
        """Return the next trials, built ahead: as many as can be trained together; none at the end of the search.

        Trials end in the order in which they began, so the oracle counts failures as it does without batches.
        """
        batch: list[_Trial] = []
        used: set[int] = set()
        while self._has_room(batch):
            trial = self.oracle.create_trial(f"{self.tuner_id}-{len(batch)}" if batch else self.tuner_id)
            if trial.status == STOPPED or (trial.status == IDLE and batch):
                break
            if trial.status != IDLE:
                batch.append(self._built(trial, request, used))
                foresee(self.oracle, trial)
        return batch

    def _has_room(self, batch: Sequence[_Trial]) -> bool:
        """Return whether another trial may be asked for before those of `batch` are trained."""
        if not batch:
            return True
        last = batch[-1]
        fused = len(last.executions) == self.executions_per_trial
        if self.fused_trials is None:
            room = trials_ahead(self.oracle, [trial.trial.trial_id for trial in batch])
        else:
            room = self.fused_trials - len(batch)
        held = sum(trial.numbers for trial in batch)
        return (fused or self._goes_on(batch)) and room > 0 and held < HELD_NUMBERS

    def _goes_on(self, batch: Sequence[_Trial]) -> bool:
        """Return whether Keras Tuner would ask for another trial next, although the last one could not be built."""
        failures, oracle = sum(trial.failed for trial in batch), self.oracle
        fatal = batch[-1].built and isinstance(batch[-1].built[-1], keras_tuner.errors.FatalError)
        bearable = oracle.max_retries_per_trial == 0 and failures < oracle.max_consecutive_failed_trials
        return batch[-1].failed and bearable and not fatal

    def _built(self, trial: Any, request: Request, used: set[int]) -> _Trial:
        """Build the models of a trial as long as they can be fused; `used` are the parts of models before, by their ids."""
        result = _Trial(trial)
        first, last = self._epochs(trial, request)
        request = replace(request, initial_epoch=first, epochs=last)
        for number in range(self.executions_per_trial):
            try:
                model = super()._try_build(trial.hyperparameters)
            except Exception as error:  # Keras Tuner decides what becomes of the trial, in its turn
                result.built.append(error)
                break
            result.built.append(model)
            own = _parts(model)
            execution = self._fusible(trial, number, model, request) if used.isdisjoint(own) else None
            if execution is None:
                break
            result.executions.append(execution)
            used |= own
        return result

    def _epochs(self, _: Any, request: Request) -> tuple[int, int]:
        """Return the `initial_epoch` and the `epochs` of a trial."""
        return request.initial_epoch, request.epochs

    def _fusible(self, trial: Any, number: int, model: Any, request: Request) -> Fusible | None:
        try:
            return fusible(trial.trial_id, number, model, request, self.oracle.objective)
        except Exception:  # whatever is wrong with the model, Keras Tuner meets it when it trains it
            return None

    def _train_together(self, executions: Sequence[Fusible]) -> None:
        """Train models of one graph; leave one to Keras Tuner whose graph is the first of its kind, not worth compiling."""
        for stack in group(executions, lambda execution: execution.key):
            key = stack[0].key
            self._seen[key] += 1
            if len(stack) == 1 and self._seen[key] == 1:
                continue
            try:
                train_together(stack, self._programs)
            except Exception as error:
                trials = ", ".join(execution.trial_id for execution in stack)
                warnings.warn(f"trials {trials} are trained one by one: {error}", stacklevel=3)
            else:
                self.stacks.append(tuple(execution.trial_id for execution in stack))


@contextmanager
def _quick_collections() -> Iterator[None]:
    """Spare the garbage collector what is there already.

    Keras Tuner collects garbage twice before each build, which takes longer than the build, most of it for TensorFlow. Where
    a program has spared the collector something itself, that is left as it is.
    """
    if gc.get_freeze_count():
        yield
        return
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _parts(model: Any) -> set[int]:
    """Return the ids of a model's optimizer and variables: training it changes another model that has one of them."""
    return (
        {id(part) for part in (model.optimizer, *model.variables)}
        if isinstance(model, keras.Model)
        else set()
    )


class FusedTuner(Fused):
    """`keras_tuner.Tuner`, fused; its arguments are an oracle and a hypermodel."""


class RandomSearch(Fused, keras_tuner.RandomSearch):
    """`keras_tuner.RandomSearch`, fused."""


class GridSearch(Fused, keras_tuner.GridSearch):
    """`keras_tuner.GridSearch`, fused."""


class BayesianOptimization(Fused, keras_tuner.BayesianOptimization):
    """`keras_tuner.BayesianOptimization`, fused.

    Its first, random points train together. After them each trial depends on the scores of all earlier ones, so they
    train one by one, unless `fused_trials` asks for several at once, as several workers of Keras Tuner would.
    """


class Hyperband(Fused, keras_tuner.Hyperband):
    """`keras_tuner.Hyperband`, fused: the trials of one round of a bracket train together."""

    def _epochs(self, trial: Any, request: Request) -> tuple[int, int]:
        values = trial.hyperparameters.values
        if "tuner/epochs" not in values:
            return super()._epochs(trial, request)
        return values["tuner/initial_epoch"], values["tuner/epochs"]
