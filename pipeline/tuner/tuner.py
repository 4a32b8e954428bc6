"""The side that Keras Tuner sees: many trials asked for at once, trained together where they can be."""

from collections.abc import Sequence
from typing import Any

import keras
import keras_tuner

from pipeline.engine.fused.grouping import group
from pipeline.tuner.request import Request, read_request
from pipeline.tuner.stack import Fusible, fusible, train_together

STOPPED, IDLE = "STOPPED", "IDLE"


class Fused(keras_tuner.Tuner):
    """A tuner whose `search` trains all trials in flight together; mix it into a tuner of Keras Tuner's.

    `fused_trials` is how many trials are asked for at once. Oracles that learn from scores (Bayesian optimisation) then
    learn from batches of that size. Trials that cannot be fused train as Keras Tuner trains them: nets with layers, losses,
    optimizers, callbacks or data of other kinds than `search` says.
    """

    def __init__(self, *args: Any, fused_trials: int = 64, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fused_trials = fused_trials
        self._done: dict[str, list[dict[str, float]]] = {}

    def search(self, *fit_args: Any, **fit_kwargs: Any) -> None:
        """Search as `keras_tuner.Tuner.search` does; arguments are those of `keras.Model.fit`.

        Fused are classifiers whose labels are integers or one-hot rows in arrays, with `validation_data` or
        `validation_split`, and no callbacks but `keras.callbacks.EarlyStopping` on `val_loss` or `val_accuracy`.
        """
        if "verbose" in fit_kwargs:
            self.oracle.verbose = fit_kwargs["verbose"]
        request = read_request(fit_args, fit_kwargs)
        self.on_search_begin()
        while trials := self._ask():
            if request is not None:
                self._train_ahead(trials, request)
            for trial in trials:
                self.on_trial_begin(trial)
                self._try_run_and_update_trial(trial, *fit_args, **fit_kwargs)
                self.on_trial_end(trial)
        self.on_search_end()

    def run_trial(self, trial: Any, *fit_args: Any, **fit_kwargs: Any) -> Any:
        """Return what the trial's stack measured, or train it as Keras Tuner does."""
        if trial.trial_id in self._done:
            return self._done.pop(trial.trial_id)
        return super().run_trial(trial, *fit_args, **fit_kwargs)

    def _ask(self) -> list[Any]:
        trials: list[Any] = []
        while len(trials) < self.fused_trials:
            trial = self.oracle.create_trial(f"{self.tuner_id}-{len(trials)}")
            if trial.status == STOPPED or (trial.status == IDLE and trials):
                break
            if trial.status != IDLE:
                trials.append(trial)
        return trials

    def _train_ahead(self, trials: Sequence[Any], request: Request) -> None:
        """Train the trials that can be fused, those of one graph together; keep their figures for `run_trial`."""
        made = [
            each
            for trial in trials
            for execution in range(self.executions_per_trial)
            if (each := self._fusible(trial, execution, request)) is not None
        ]
        for stack in group(made, lambda each: each.signature):
            figures = train_together(stack, request, self.oracle.objective)
            if figures:
                self._keep(stack, figures)

    def _fusible(self, trial: Any, execution: int, request: Request) -> Fusible | None:
        model = self.hypermodel.build(trial.hyperparameters)
        return fusible(trial.trial_id, execution, model, request, self.oracle.objective)

    def _keep(self, stack: Sequence[Fusible], figures: Sequence[dict[str, float]]) -> None:
        """Hand each trial its executions' figures, and save the weights of its best, where `get_best_models` looks."""
        by_trial: dict[str, list[tuple[dict[str, float], keras.Model]]] = {}
        for each, figure in zip(stack, figures, strict=True):
            by_trial.setdefault(each.trial_id, []).append((figure, each.model))
        objective = self.oracle.objective
        for trial_id, executions in by_trial.items():
            sign = -1.0 if objective.direction == "min" else 1.0
            best = max(executions, key=lambda pair: sign * pair[0][objective.name])
            best[1].save_weights(self._get_checkpoint_fname(trial_id))
            self._done[trial_id] = [figure for figure, _ in executions]


class FusedTuner(Fused):
    """`keras_tuner.Tuner`, fused: give it an oracle and a hypermodel."""


class RandomSearch(Fused, keras_tuner.RandomSearch):
    """`keras_tuner.RandomSearch`, fused."""


class GridSearch(Fused, keras_tuner.GridSearch):
    """`keras_tuner.GridSearch`, fused."""


class BayesianOptimization(Fused, keras_tuner.BayesianOptimization):
    """`keras_tuner.BayesianOptimization`, fused, in batches."""
