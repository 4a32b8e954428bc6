"""What a study requires, and what of it the store has: used by `plan`, `ablate`, the diagnostics and the results."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import Any

from pipeline.core.digests import digest
from pipeline.core.errors import ParamsError, nearest
from pipeline.core.metrics import LOSS, Metric, Task
from pipeline.data import catalogue
from pipeline.data.catalogue import Dataset
from pipeline.params.expansion.expand import expand
from pipeline.params.types.evaluation import Evaluation
from pipeline.params.types.study import Ablation, Margin, Study
from pipeline.params.types.tasks import metric_of, metric_specs
from pipeline.params.types.variants import Expanded, Variant
from pipeline.planning.shared_phases import beginnings_of
from pipeline.runs.run import Context, Run
from pipeline.search.rate_search import RateSearch
from pipeline.search.variant_search import Search, replicates
from pipeline.store import Store


@dataclass
class VariantState:
    """A variant: its `search` (None where nothing is tuned), and the search's frozen `choice` once there is one.

    `finder` is the search of a variant whose learning rate is found by a range test; such a variant has no other search.
    `seeds` is the number of replicates.
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
        """The runs that measure this variant; valid only once it `is_chosen`."""
        values = self.choice["values"] if self.choice else {}
        return replicates(self.variant, self.context, self.seeds, values)

    def open_runs(self) -> list[Run]:
        """Return the runs that can be trained now: those of trials without a score, or the replicates."""
        if self.is_chosen:
            return self.replicates
        trials = self.search.trials if self.search is not None else []
        return [run for trial in trials if trial.score is None for run in trial.runs]

    def shared_keys(self) -> list[str]:
        """Return the keys of what runs go on from: phases that replicates begin with, earlier parts of trials.

        They may be stored as runs of their own.
        """
        if self.choice is None and self.search is not None:
            trials = self.search.trials
            return [run.key for trial in trials for runs in trial.earlier for run in runs]
        earlier = list(self.choice.get("earlier", ())) if self.choice else []
        return (
            earlier + [key for run in self.replicates for key in beginnings_of(run)]
            if self.is_chosen
            else earlier
        )

    def trial_runs(self) -> list[dict[str, Any]]:
        """Return this variant's trials so far: each with its `values` and `run_keys`."""
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
    """An ablation with its variants in the order of the params file, and the study's settings that apply to it."""

    name: str
    spec: Ablation
    expanded: Expanded
    variants: list[VariantState]
    seeds: int
    dataset: Dataset
    metric: Metric
    margin: Margin
    evaluation: Evaluation
    wanted: int
    """How many seeds the study asks for; its budget may allow fewer, or none."""

    @property
    def is_left_out(self) -> bool:
        """Whether the study's budget allows nothing of it."""
        return self.seeds == 0

    def with_seeds(self, seeds: int) -> "AblationState":
        """Return the ablation as it is with so many replicates."""
        variants = [replace(variant, seeds=seeds) for variant in self.variants]
        return replace(self, seeds=seeds, variants=variants)

    def required_keys(self) -> list[str]:
        """Return the keys of all runs known to be required so far, trials first."""
        trials = [key for state in self.variants for trial in state.trial_runs() for key in trial["run_keys"]]
        return list(dict.fromkeys(trials + self.replicate_keys()))

    def replicate_keys(self) -> list[str]:
        """Return the keys of the replicates of all variants whose hyperparameters are known."""
        return [run.key for state in self.variants if state.is_chosen for run in state.replicates]

    def is_trained(self, keys: set[str]) -> bool:
        """Return whether nothing is left to search or to train; the trials behind a frozen choice are no longer needed."""
        return self.is_left_out or (
            all(state.is_chosen for state in self.variants) and keys.issuperset(self.replicate_keys())
        )


def context_of(study: Study, name: str, root: Path) -> Context:
    """Return what all runs of an ablation share; raises `DataError` where a user's own data set was not fetched."""
    dataset = study.dataset_of(name)
    return Context(dataset, catalogue.digest(dataset, root), study.seed, study.precision)


def read_states(
    study: Study, store: Store, root: Path, names: Iterable[str] | None = None
) -> list[AblationState]:
    """Return the states of the ablations called `names` (default: all); raises as `context_of` does.

    Example:
        >>> [state.name for state in read_states(load(Path("params.yaml")), Store(), Path())]
    """
    names = study.ablations if names is None else names
    return [
        _ablation(study, store, context_of(study, name, root), name, dataset_of(study, name, root))
        for name in names
    ]


def dataset_of(study: Study, name: str, root: Path) -> Dataset:
    """Return the record of an ablation's data set; raises `DataError` where a user's own was not fetched."""
    return catalogue.lookup(study.dataset_of(name), root)


def _ablation(study: Study, store: Store, context: Context, name: str, dataset: Dataset) -> AblationState:
    expanded, spec = expand(study, name), study.ablations[name]
    wanted, evaluation = study.seeds_of(name), study.evaluation_of(name)
    seeds = min(wanted, (allowed(study, store) or {}).get(name, wanted))
    metric = judging_metric(name, spec, expanded, dataset.task)
    variants = [_variant(store, context, metric, variant, seeds, evaluation) for variant in expanded.variants]
    margin = study.margin_of(name, metric)
    return AblationState(name, spec, expanded, variants, seeds, dataset, metric, margin, evaluation, wanted)


def allowed(study: Study, store: Store) -> dict[str, int] | None:
    """Return how many seeds of each ablation the study's budget allows; None without a budget, or before it is spent."""
    return None if study.budget is None else store.allowances.get(allowance_key(study, store))


def allowance_key(study: Study, store: Store) -> str:
    """Return the key of what a study's budget allows: another study has another, and so has an edited one."""
    return digest([store.manifests.study, study.model_dump(mode="json")])


def judging_metric(name: str, spec: Ablation, expanded: Expanded, task: Task) -> Metric:
    """Return the metric that compares the variants of an ablation, by default the first that its baseline measures.

    Raises `ParamsError` where a variant does not measure it.
    """
    baseline = expanded.variant(expanded.baseline).recipe
    wanted = spec.metric or metric_of(baseline, task).name
    for variant in expanded.variants:
        names = [LOSS.name, *(spec.key for spec in metric_specs(variant.recipe, task))]
        if wanted not in names:
            text = f"{variant.name} measures {', '.join(names)}, not {wanted}.{nearest(wanted, names)}"
            raise ParamsError(name, [f"metric: {text}"])
    return metric_of(baseline, task, wanted)


def _variant(
    store: Store, context: Context, metric: Metric, variant: Variant, seeds: int, evaluation: Evaluation
) -> VariantState:
    search = Search(variant, context, metric) if variant.tune is not None else None
    finds_rate = variant.recipe.optimizer.finds_rate
    finder = RateSearch(variant, context, evaluation.rate_range) if finds_rate else None
    used = search or finder
    choice = store.choices.get(used.key) if used is not None else None
    return VariantState(variant, context, seeds, search, choice, finder)


def best_replicate(store: Store, state: VariantState, metric: Metric) -> Run | None:
    """Return the replicate with the best `metric`, on validation data where there are any; None where none finished."""
    scores = []
    for run in state.replicates:
        record = store.runs.get(run.key)
        if record is not None and record.outcome == "finished":
            scores.append((metric.score(record.metrics[metric.choosing(record.metrics)]), run))
    # Of equal scores, `max` returns the first: that of the lowest seed.
    return max(scores, key=itemgetter(0))[1] if scores else None


def lacks_models(store: Store, state: AblationState) -> bool:
    """Return whether a variant's best model is not saved, as when a process was killed just before saving it."""
    best = [best_replicate(store, variant, state.metric) for variant in state.variants]
    return any(run is not None and not store.runs.model_path(run.key).exists() for run in best)
