"""The search for the hyperparameters of one variant: trials are requested, scored on validation data, the best is chosen."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal

from pipeline.core.digests import digest
from pipeline.core.metrics import Metric
from pipeline.params.expansion.expand import apply
from pipeline.params.expansion.resolve import canonical
from pipeline.params.types.phases import phases_of
from pipeline.params.types.recipe import Recipe
from pipeline.params.types.tune import AnyRange, Tune
from pipeline.params.types.variants import Variant
from pipeline.runs.fingerprint import code_digest, own_code, part_digest
from pipeline.runs.records import RunRecord
from pipeline.runs.resample import Resample
from pipeline.runs.run import Context, Run
from pipeline.runs.seeds import derive
from pipeline.search import halving

if TYPE_CHECKING:
    from pipeline.search.oracle import Candidate, Oracle

WORST = -100.0
"""The score of a diverged trial, 0 for a fraction; it is finite, so that oracles can learn from it."""


@dataclass
class Trial:
    """One candidate, the runs that measure it, and its score once they are finished (None before).

    `earlier` are the runs that those go on from, of a trial that could have been ended before.
    """

    candidate: "Candidate"
    runs: tuple[Run, ...]
    score: float | None = None
    outcome: Literal["finished", "diverged", "stopped"] = "finished"
    earlier: tuple[tuple[Run, ...], ...] = ()

    @property
    def is_unfinished(self) -> bool:
        """Whether its runs end before all of their epochs are trained, and it is to be decided whether they go on."""
        return self.runs[0].epochs is not None and self.outcome == "finished"

    @property
    def begun(self) -> dict[str, str]:
        """By the key of a run, that of the run that it goes on from."""
        before = self.earlier[-1] if self.earlier else ()
        return {run.key: earlier.key for run, earlier in zip(self.runs, before, strict=False)}


@dataclass
class Search:
    """The search for one variant of one ablation. It is deterministic: the same records lead to the same choice.

    `number` counts the searches of a variant whose replicates have one each; `resample` are the rows that its one tests.
    """

    variant: Variant
    context: Context
    metric: Metric
    number: int = 0
    resample: Resample | None = None
    trials: list[Trial] = field(default_factory=list)
    ranges: Mapping[str, AnyRange] | None = None
    """Those that the model's function declares, where the space is `hp`; to be set before the first trials."""

    @property
    def tune(self) -> Tune:
        """The hyperparameters to search, and the oracle; raises `ValueError` for a variant that is not tuned."""
        if self.variant.tune is None:
            raise ValueError(f"variant must have `tune`; got {self.variant.name!r} without it")
        if self.ranges is None:
            return self.variant.tune
        return self.variant.tune.model_copy(update={"space": dict(self.ranges)})

    @cached_property
    def key(self) -> str:
        """A digest of everything that can change the outcome of the search."""
        recipe, tune = canonical(self.variant.recipe), self.variant.tune
        parts: list[Any] = [
            recipe,
            own_code(recipe),
            tune and tune.model_dump(mode="json"),
            vars(self.context),
            vars(self.metric),
        ]
        if self.number or self.resample is not None:
            parts.append([self.number, self.resample and vars(self.resample)])
        return digest([*parts, code_digest(), part_digest("search")])

    @cached_property
    def _oracle(self) -> "Oracle":
        from pipeline.search.oracle import Oracle

        # Independent of the variant, so that all variants draw the same candidates and differ in nothing else.
        of_replicate = (self.number,) if self.number else ()
        seed = derive(self.context.study_seed, self.context.dataset, "search", *of_replicate)
        return Oracle(self.tune, seed, self.variant.recipe.training.epochs)

    def next_trials(self) -> list[Trial]:
        """Return the next batch of trials, or those of the last one that go on; an empty one ends the search."""
        if going_on := self._end_worse():
            return going_on
        candidates = self._oracle.ask()
        count = len(self.trials) + len(candidates)
        batch = [Trial(candidate, self._runs(candidate.values, count)) for candidate in candidates]
        self.trials.extend(batch)
        return batch

    def _end_worse(self) -> list[Trial]:
        """End the worse ones of unfinished trials, and return the better ones, which go on."""
        unfinished = sorted((trial for trial in self.trials if trial.is_unfinished), key=_score, reverse=True)
        if not unfinished:
            return []
        count, cut = len(self.trials), len(unfinished[0].earlier)
        cuts = max(len(self._cuts(trial.runs[0].recipe, count)) for trial in unfinished)
        kept = halving.survivors(count, cut, cuts)
        for trial in unfinished[kept:]:
            trial.outcome = "stopped"
            self._oracle.report(trial.candidate, _score(trial))
        for trial in unfinished[:kept]:
            trial.earlier = (*trial.earlier, trial.runs)
            trial.runs, trial.score = self._runs(trial.candidate.values, count, cut + 1), None
        return unfinished[:kept]

    def report(self, records: Mapping[str, RunRecord]) -> None:
        """Score every trial that has no score, from the records of its runs by run key."""
        for trial in self.trials:
            if trial.score is None:
                measured = [records[run.key] for run in trial.runs]
                diverged = any(record.outcome == "diverged" for record in measured)
                trial.outcome = "diverged" if diverged else "finished"
                trial.score = self._worst if diverged else self._score(trial, measured)
                if not trial.is_unfinished:
                    self._oracle.report(trial.candidate, trial.score)

    def choice(self) -> dict[str, Any]:
        """Return the outcome to store: the values of the best trial, every trial, and the runs that trials went on from."""
        best = max((trial for trial in self.trials if trial.outcome != "stopped"), key=_score)
        earlier = [run.key for trial in self.trials for runs in trial.earlier for run in runs]
        return {
            "values": {path: best.candidate.values[path] for path in self.tune.space},
            "trials": [self._entry(trial) for trial in self.trials],
            "space": self.tune.model_dump(mode="json")["space"],
            **({"earlier": earlier} if earlier else {}),
        }

    @property
    def begun(self) -> dict[str, str]:
        """By the key of a run, that of the run that it goes on from, of trials that could have been ended before."""
        return {key: earlier for trial in self.trials for key, earlier in trial.begun.items()}

    @property
    def _worst(self) -> float:
        return 0.0 if self.metric.is_fraction else WORST

    def _runs(self, values: Mapping[str, Any], count: int, cut: int = 0) -> tuple[Run, ...]:
        """Return the runs of one of `count` trials up to a cut, or to their end where there is none that may end it."""
        recipe = apply(self.variant.recipe, values)
        cuts = self._cuts(recipe, count)
        epochs = cuts[cut] if cut < len(cuts) else None
        folds = [(fold, self.tune.folds) for fold in range(self.tune.folds)] if self.tune.folds else [None]
        return tuple(
            Run(recipe, self.context, "trial", seed, fold, epochs=epochs, resample=self.resample)
            for seed in range(self.number * self.tune.seeds, (self.number + 1) * self.tune.seeds)
            for fold in folds
        )

    def _cuts(self, recipe: Recipe, count: int) -> tuple[int, ...]:
        """Return the epochs after which one of `count` trials, with a recipe, may be ended."""
        epochs = phases_of(recipe)[-1].recipe.training.epochs
        return halving.cuts(count, epochs) if self.tune.stop else ()

    def _score(self, trial: Trial, records: Sequence[RunRecord]) -> float:
        if trial.is_unfinished:
            return halving.standing([record.curves for record in records], self.metric)
        name = f"val_{self.metric.name}"
        return self.metric.score(fmean(record.metrics[name] for record in records))

    def _entry(self, trial: Trial) -> dict[str, Any]:
        return {
            "values": trial.candidate.values,
            "run_keys": [run.key for run in trial.runs],
            "score": None if trial.outcome == "diverged" else trial.score,
            "outcome": trial.outcome,
            **({"epochs": trial.runs[0].epochs} if trial.outcome == "stopped" else {}),
        }


def _score(trial: Trial) -> float:
    return -math.inf if trial.score is None else trial.score


def with_values(variant: Variant, values: Mapping[str, Any]) -> Recipe:
    """Return the recipe of a variant with what its search chose."""
    return apply(variant.recipe, values) if values else variant.recipe
