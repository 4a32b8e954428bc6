"""The search for one variant's hyperparameters: trials asked for, scored on validation data, the best one frozen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean
from typing import TYPE_CHECKING, Any

from pipeline.params.expand import Variant, apply
from pipeline.params.recipe import Recipe
from pipeline.params.spaces import Tune
from pipeline.records import RunRecord
from pipeline.runs import Context, Run, code_digest, digest
from pipeline.seeds import derive

if TYPE_CHECKING:
    from pipeline.search.oracle import Candidate

WORST = {
    "accuracy": 0.0,
    "loss": -100.0,
}  # the score of a diverged trial: finite, so that oracles can learn from it


@dataclass
class Trial:
    """One candidate, the runs that measure it, and its score once they are done (None while it is running)."""

    candidate: "Candidate"
    runs: tuple[Run, ...]
    score: float | None = None
    outcome: str = "finished"


@dataclass
class Search:
    """The search for one variant of one ablation. Deterministic: asked and told the same, it chooses the same."""

    variant: Variant
    context: Context
    metric: str
    trials: list[Trial] = field(default_factory=list)

    @property
    def tune(self) -> Tune:
        """What to search, and how."""
        assert self.variant.tune is not None
        return self.variant.tune

    @cached_property
    def key(self) -> str:
        """Name the search by everything that can change its outcome."""
        from pipeline.params.expand import canonical

        parts = [
            canonical(self.variant.recipe),
            self.tune.model_dump(mode="json"),
            vars(self.context),
            self.metric,
        ]
        return digest([*parts, code_digest()])

    @cached_property
    def _oracle(self) -> Any:
        from pipeline.search.oracle import Oracle

        # Not the variant's name: all variants draw the same candidates, and differ by themselves alone.
        seed = derive(self.context.study_seed, self.context.dataset, "search")
        return Oracle(self.tune, seed, self.variant.recipe.training.epochs)

    def next_trials(self) -> list[Trial]:
        """Ask for the next batch of trials; an empty one ends the search."""
        batch = [Trial(candidate, self._runs(candidate.values)) for candidate in self._oracle.ask()]
        self.trials.extend(batch)
        return batch

    def tell(self, records: Mapping[str, RunRecord]) -> None:
        """Score every trial that has none from the records of its runs, by run key."""
        for trial in self.trials:
            if trial.score is None:
                found = [records[run.key] for run in trial.runs]
                diverged = any(record.outcome == "diverged" for record in found)
                trial.outcome = "diverged" if diverged else "finished"
                trial.score = WORST[self.metric] if diverged else self._score(found)
                self._oracle.tell(trial.candidate, trial.score)

    def choice(self) -> dict[str, Any]:
        """Return the outcome to freeze: the chosen values and every trial."""
        best = max(self.trials, key=lambda trial: trial.score if trial.score is not None else WORST["loss"])
        return {
            "values": {path: best.candidate.values[path] for path in self.tune.space},
            "trials": [self._entry(trial) for trial in self.trials],
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
        value = fmean(record.metrics[f"val_{self.metric}"] for record in records)
        return value if self.metric == "accuracy" else -value

    def _entry(self, trial: Trial) -> dict[str, Any]:
        return {
            "values": trial.candidate.values,
            "run_keys": [run.key for run in trial.runs],
            "score": trial.score if trial.outcome == "finished" else None,
            "outcome": trial.outcome,
        }


def replicates(variant: Variant, context: Context, count: int, values: Mapping[str, Any]) -> list[Run]:
    """Return the runs that measure a variant, with its chosen `values`, on seeds that no trial used."""
    recipe: Recipe = apply(variant.recipe, values) if values else variant.recipe
    return [Run(recipe, context, "replicate", seed) for seed in range(count)]
