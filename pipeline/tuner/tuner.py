"""The tuner classes: they request many trials at once, and train them together where possible."""

from collections.abc import Sequence
from typing import Any

import keras
import keras_tuner

from pipeline.engine.fused.grouping import group
from pipeline.tuner.request import Request, read_request
from pipeline.tuner.stack import Fusible, fusible, train_together

STOPPED, IDLE = "STOPPED", "IDLE"


class Fused(keras_tuner.Tuner):
    """A mixin for a tuner of Keras Tuner: its `search` trains all running trials together.

    `fused_trials` is how many trials are requested at once. Oracles that learn from scores (Bayesian optimisation) then
    learn from batches of that size. Trials that cannot be fused train as in Keras Tuner: models with layers, losses,
    optimizers, callbacks or data of other kinds than those named at `search`.

    Example:
        tuner = RandomSearch(build_model, objective="val_accuracy", max_trials=50)
        tuner.search(x, y, epochs=10, validation_split=0.2)
    """

    def __init__(self, *args: Any, fused_trials: int = 64, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fused_trials = fused_trials
        self._done: dict[str, list[dict[str, float]]] = {}

    def search(self, *fit_args: Any, **fit_kwargs: Any) -> None:
        """Search as `keras_tuner.Tuner.search` does; arguments are those of `keras.Model.fit`.

        Fused are classifiers with labels in arrays, as integers or one-hot rows, with `validation_data` or
        `validation_split`, and without callbacks except `keras.callbacks.EarlyStopping` on `val_loss` or `val_accuracy`.
        """
        if "verbose" in fit_kwargs:
            self.oracle.verbose = fit_kwargs["verbose"]
        request = read_request(fit_args, fit_kwargs)
        self.on_search_begin()
        while trials := self._next_trials():
            if request is not None:
                self._train_ahead(trials, request)
            for trial in trials:
                self.on_trial_begin(trial)
                self._try_run_and_update_trial(trial, *fit_args, **fit_kwargs)
                self.on_trial_end(trial)
        self.on_search_end()

    def run_trial(self, trial: Any, *fit_args: Any, **fit_kwargs: Any) -> Any:
        """Return the metrics of a trial that was trained in a stack; train any other as Keras Tuner does."""
        if trial.trial_id in self._done:
            return self._done.pop(trial.trial_id)
        return super().run_trial(trial, *fit_args, **fit_kwargs)

    def _next_trials(self) -> list[Any]:
        trials: list[Any] = []
        while len(trials) < self.fused_trials:
            trial = self.oracle.create_trial(f"{self.tuner_id}-{len(trials)}")
            if trial.status == STOPPED or (trial.status == IDLE and trials):
                break
            if trial.status != IDLE:
                trials.append(trial)
        return trials

    def _train_ahead(self, trials: Sequence[Any], request: Request) -> None:
        """Train the trials that can be fused, those of one graph together; keep their metrics for `run_trial`."""
        executions = [
            model
            for trial in trials
            for execution in range(self.executions_per_trial)
            if (model := self._fusible(trial, execution, request)) is not None
        ]
        for stack in group(executions, lambda execution: execution.signature):
            figures = train_together(stack, request, self.oracle.objective)
            if figures:
                self._keep(stack, figures)

    def _fusible(self, trial: Any, execution: int, request: Request) -> Fusible | None:
        model = self.hypermodel.build(trial.hyperparameters)
        return fusible(trial.trial_id, execution, model, request, self.oracle.objective)

    def _keep(self, stack: Sequence[Fusible], figures: Sequence[dict[str, float]]) -> None:
        """Keep the metrics of each trial's executions, and save the weights of the best one for `get_best_models`."""
        by_trial: dict[str, list[tuple[dict[str, float], keras.Model]]] = {}
        for execution, figure in zip(stack, figures, strict=True):
            by_trial.setdefault(execution.trial_id, []).append((figure, execution.model))
        objective = self.oracle.objective
        for trial_id, executions in by_trial.items():
            sign = -1.0 if objective.direction == "min" else 1.0
            best = max(executions, key=lambda pair: sign * pair[0][objective.name])
            best[1].save_weights(self._get_checkpoint_fname(trial_id))
            self._done[trial_id] = [figure for figure, _ in executions]


class FusedTuner(Fused):
    """`keras_tuner.Tuner`, fused; its arguments are an oracle and a hypermodel."""


class RandomSearch(Fused, keras_tuner.RandomSearch):
    """`keras_tuner.RandomSearch`, fused."""


class GridSearch(Fused, keras_tuner.GridSearch):
    """`keras_tuner.GridSearch`, fused."""


class BayesianOptimization(Fused, keras_tuner.BayesianOptimization):
    """`keras_tuner.BayesianOptimization`, fused, in batches."""
