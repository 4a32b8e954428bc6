"""What a study requires, and what of it the store has: used by `plan`, `ablate`, the diagnostics and the results."""

from collections.abc import Iterable, Mapping
from operator import itemgetter
from pathlib import Path

from pipeline.core.digests import digest
from pipeline.core.errors import ParamsError, nearest
from pipeline.core.metrics import LOSS, Metric, Task
from pipeline.data import catalogue
from pipeline.data.catalogue import Dataset
from pipeline.params.expansion.expand import expand
from pipeline.params.types.evaluation import Evaluation
from pipeline.params.types.replicates import AnyReplicates, OverFolds, OverSeeds, OverSplits
from pipeline.params.types.study import Ablation, Study
from pipeline.params.types.tasks import metric_of, metric_specs
from pipeline.params.types.variants import Expanded, Variant
from pipeline.planning.ablation import AblationState, VariantState
from pipeline.planning.ledger import Ledger
from pipeline.planning.looks import declare, foresee
from pipeline.planning.search_state import SearchState
from pipeline.runs.resample import Resample
from pipeline.runs.run import Context, Run
from pipeline.search.rate_search import RateSearch
from pipeline.search.variant_search import Search
from pipeline.store import Store


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
    allowance = allowed(study, store) or {}
    states = [
        _ablation(study, store, context_of(study, name, root), name, dataset_of(study, name, root), allowance)
        for name in names
    ]
    ledger = Ledger(root)
    for state in states:
        if state.is_left_out:
            continue
        if all(variant.is_chosen for variant in state.variants):
            declare(state, ledger)
        else:
            foresee(state, ledger)
    return states


def dataset_of(study: Study, name: str, root: Path) -> Dataset:
    """Return the record of an ablation's data set; raises `DataError` where a user's own was not fetched."""
    return catalogue.lookup(study.dataset_of(name), root)


def _ablation(
    study: Study, store: Store, context: Context, name: str, dataset: Dataset, allowance: Mapping[str, int]
) -> AblationState:
    expanded, spec = expand(study, name), study.ablations[name]
    wanted, evaluation = study.seeds_of(name), study.evaluation_of(name)
    seeds = min(wanted, allowance.get(name, wanted))
    planned = study.looks_of(name)
    first = next((look for look in planned if look <= seeds), seeds)
    metric = judging_metric(name, spec, expanded, dataset.task)
    replicates = study.replicates_of(name)
    variants = [
        _variant(store, context, metric, variant, first, evaluation, replicates)
        for variant in expanded.variants
    ]
    return AblationState(
        name,
        spec,
        expanded,
        variants,
        seeds,
        dataset,
        metric,
        study.margin_of(name, metric),
        evaluation,
        wanted,
        planned,
        store.manifests.title_of(name),
        replicates,
        study.is_fresh(name),
    )


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
    store: Store,
    context: Context,
    metric: Metric,
    variant: Variant,
    seeds: int,
    evaluation: Evaluation,
    replicates: AnyReplicates,
) -> VariantState:
    count, per_search = (1, 0) if isinstance(replicates, OverSeeds) else (replicates.count, replicates.seeds)
    finds_rate = variant.recipe.optimizer.finds_rate
    finder = RateSearch(variant, context, evaluation.rate_range) if finds_rate else None
    searches = []
    for number in range(count):
        resample = resample_of(replicates, number)
        search = Search(variant, context, metric, number, resample) if variant.tune is not None else None
        searches.append(_known(store, SearchState(search, finder, resample=resample)))
    return VariantState(variant, context, seeds, searches, per_search=per_search)


def resample_of(replicates: AnyReplicates, number: int) -> Resample | None:
    """Return which rows replicate `number` tests; None where all test the same ones."""
    if isinstance(replicates, OverSplits):
        return Resample(replicates.over, number, test=replicates.test)
    return Resample("folds", number, k=replicates.k) if isinstance(replicates, OverFolds) else None


def _known(store: Store, search: SearchState) -> SearchState:
    """Return a search with its choice, where that is stored."""
    search.choice = None if search.key is None else store.choices.get(search.key)
    return search


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
    """Return whether a variant's best model is not saved, as when a process was killed just before saving it.

    Of runs that came without weights there is none.
    """
    best = [best_replicate(store, variant, state.metric) for variant in state.variants]
    return any(
        run is not None and store.runs.has_weights(run.key) and not store.runs.model_path(run.key).exists()
        for run in best
    )
