"""The search for the hyperparameters of one variant: trials are requested, scored on validation data, the best is chosen."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean
from typing import TYPE_CHECKING, Any

from pipeline.core.digests import digest
from pipeline.core.metrics import Metric
from pipeline.params.expansion.expand import apply
from pipeline.params.expansion.resolve import canonical
from pipeline.params.types.recipe import Recipe
from pipeline.params.types.tune import AnyRange, Tune
from pipeline.params.types.variants import Variant
from pipeline.runs.fingerprint import code_digest, own_code, part_digest
from pipeline.runs.records import RunRecord
from pipeline.runs.run import Context, Run
from pipeline.runs.seeds import derive

if TYPE_CHECKING:
    from pipeline.search.oracle import Candidate, Oracle

WORST = -100.0
"""The score of a diverged trial, 0 for a fraction; it is finite, so that oracles can learn from it."""


@dataclass
class Trial:
    """One candidate, the runs that measure it, and its score once they are finished (None before)."""

    candidate: "Candidate"
    runs: tuple[Run, ...]
    score: float | None = None
    outcome: str = "finished"


@dataclass
class Search:
    """The search for one variant of one ablation. It is deterministic: the same records lead to the same choice."""

    variant: Variant
    context: Context
    metric: Metric
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
        parts = [
            recipe,
            own_code(recipe),
            tune and tune.model_dump(mode="json"),
            vars(self.context),
            vars(self.metric),
        ]
        return digest([*parts, code_digest(), part_digest("search")])

    @cached_property
    def _oracle(self) -> "Oracle":
        from pipeline.search.oracle import Oracle

        # Independent of the variant, so that all variants draw the same candidates and differ in nothing else.
        seed = derive(self.context.study_seed, self.context.dataset, "search")
        return Oracle(self.tune, seed, self.variant.recipe.training.epochs)

    def next_trials(self) -> list[Trial]:
        """Return the next batch of trials; an empty one ends the search."""
        batch = [Trial(candidate, self._runs(candidate.values)) for candidate in self._oracle.ask()]
        self.trials.extend(batch)
        return batch

    def report(self, records: Mapping[str, RunRecord]) -> None:
        """Score every trial that has no score, from the records of its runs by run key."""
        for trial in self.trials:
            if trial.score is None:
                measured = [records[run.key] for run in trial.runs]
                diverged = any(record.outcome == "diverged" for record in measured)
                trial.outcome = "diverged" if diverged else "finished"
                worst = 0.0 if self.metric.is_fraction else WORST
                trial.score = worst if diverged else self._score(measured)
                self._oracle.report(trial.candidate, trial.score)

    def choice(self) -> dict[str, Any]:
        """Return the outcome to store: the values of the best trial, and every trial."""
        best = max(self.trials, key=lambda trial: trial.score if trial.score is not None else -math.inf)
        return {
            "values": {path: best.candidate.values[path] for path in self.tune.space},
            "trials": [self._entry(trial) for trial in self.trials],
            "space": self.tune.model_dump(mode="json")["space"],
        }

    def _runs(self, values: Mapping[str, Any]) -> tuple[Run, ...]:
        recipe = apply(self.variant.recipe, values)
        folds = [(fold, self.tune.folds) for fold in range(self.tune.folds)] if self.tune.folds else [None]
        return tuple(
            Run(recipe, self.context, "trial", seed, fold)
            for seed in range(self.tune.seeds)
            for fold in folds
        )

    def _score(self, records: Sequence[RunRecord]) -> float:
        name = f"val_{self.metric.name}"
        return self.metric.score(fmean(record.metrics[name] for record in records))

    def _entry(self, trial: Trial) -> dict[str, Any]:
        return {
            "values": trial.candidate.values,
            "run_keys": [run.key for run in trial.runs],
            "score": trial.score if trial.outcome == "finished" else None,
            "outcome": trial.outcome,
        }


def replicates(variant: Variant, context: Context, count: int, values: Mapping[str, Any]) -> list[Run]:
    """Return `count` runs that measure a variant, with its chosen `values`, on seeds that no trial uses."""
    recipe: Recipe = apply(variant.recipe, values) if values else variant.recipe
    return [Run(recipe, context, "replicate", seed) for seed in range(count)]
