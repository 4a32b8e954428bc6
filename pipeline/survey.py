"""What a study wants, and what of it the store has: shared by `plan`, `ablate` and the results."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.data import catalogue
from pipeline.params.evaluation import Evaluation
from pipeline.params.expand import Expanded, Variant, expand
from pipeline.params.schema import Ablation, Study
from pipeline.runs import Context, Run
from pipeline.search.finder import RateSearch
from pipeline.search.variant import Search, replicates
from pipeline.store import Store


@dataclass
class VariantState:
    """A variant: its search (None where nothing is tuned), and the search's frozen choice once there is one.

    `finder` is the search of a variant whose learning rate is found by a range test; it has no other.
    """

    variant: Variant
    context: Context
    seeds: int
    search: Search | None
    choice: dict[str, Any] | None
    finder: RateSearch | None = None

    @property
    def is_chosen(self) -> bool:
        """Whether the hyperparameters to measure are known."""
        return self.choice is not None or (self.search is None and self.finder is None)

    @cached_property
    def replicates(self) -> list[Run]:
        """The runs that measure this variant; ask only once `is_chosen`."""
        values = self.choice["values"] if self.choice else {}
        return replicates(self.variant, self.context, self.seeds, values)

    def trial_runs(self) -> list[dict[str, Any]]:
        """Return this variant's trials as far as asked: each with its `values` and `run_keys`."""
        if self.choice is not None:
            return list(self.choice["trials"])
        if self.search is None:
            return []
        return [
            {"values": trial.candidate.values, "run_keys": [run.key for run in trial.runs]}
            for trial in self.search.trials
        ]


@dataclass
class AblationState:
    """An ablation with its variants, in the order written."""

    name: str
    spec: Ablation
    expanded: Expanded
    variants: list[VariantState]
    seeds: int
    margin: float
    evaluation: Evaluation = field(default_factory=Evaluation)

    def wanted_keys(self) -> list[str]:
        """Return the keys of all runs known to be wanted so far, trials first."""
        keys = [key for state in self.variants for trial in state.trial_runs() for key in trial["run_keys"]]
        keys += [run.key for state in self.variants if state.is_chosen for run in state.replicates]
        return list(dict.fromkeys(keys))

    def is_complete(self, keys: set[str]) -> bool:
        """Tell whether nothing is left to search or to train; trials behind a frozen choice are no longer needed."""
        return all(
            state.is_chosen and keys.issuperset(run.key for run in state.replicates)
            for state in self.variants
        )


def context_of(study: Study, name: str, root: Path) -> Context:
    """Return what all runs of an ablation share; raises `DataError` where a user's own data set was not fetched."""
    dataset = study.dataset_of(name)
    return Context(dataset, catalogue.digest(dataset, root), study.seed, study.precision)


def survey(study: Study, store: Store, root: Path, names: Iterable[str] | None = None) -> list[AblationState]:
    """Return the state of the ablations called `names` (all by default)."""
    chosen: Sequence[str] = list(study.ablations) if names is None else list(names)
    return [_ablation(study, store, context_of(study, name, root), name) for name in chosen]


def _ablation(study: Study, store: Store, context: Context, name: str) -> AblationState:
    expanded, spec = expand(study, name), study.ablations[name]
    seeds, evaluation = study.seeds_of(name), study.evaluation_of(name)
    variants = [_variant(store, context, spec, variant, seeds, evaluation) for variant in expanded.variants]
    return AblationState(name, spec, expanded, variants, seeds, study.margin_of(name), evaluation)


def _variant(
    store: Store, context: Context, spec: Ablation, variant: Variant, seeds: int, evaluation: Evaluation
) -> VariantState:
    search = Search(variant, context, spec.metric) if variant.tune is not None else None
    found = variant.recipe.optimizer.finds_rate
    finder = RateSearch(variant, context, evaluation.rate_range) if found else None
    asked = search or finder
    choice = store.choice(asked.key) if asked is not None else None
    return VariantState(variant, context, seeds, search, choice, finder)


def best_replicate(store: Store, state: VariantState, metric: str) -> Run | None:
    """Return the replicate with the best validation figure; None where none came to an end."""
    sign = 1.0 if metric == "accuracy" else -1.0
    scored = []
    for run in state.replicates:
        record = store.get(run.key)
        if record is not None and record.outcome == "finished":
            scored.append((sign * record.metrics[f"val_{metric}"], -run.seed, run))
    return max(scored)[2] if scored else None


def lacks_models(store: Store, state: AblationState) -> bool:
    """Tell whether a variant's best model was not saved, as when a process was killed just before."""
    best = [best_replicate(store, each, state.spec.metric) for each in state.variants]
    return any(run is not None and not store.model_path(run.key).exists() for run in best)
