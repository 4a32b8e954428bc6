"""An ablation and its variants as they stand: what is required of them, and what the store has of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from math import ceil, isfinite
from statistics import fmean
from typing import Any

from pipeline.core.metrics import Metric
from pipeline.data.catalogue import Dataset
from pipeline.params.types.evaluation import Evaluation
from pipeline.params.types.recipe import Recipe
from pipeline.params.types.replicates import AnyReplicates
from pipeline.params.types.study import Ablation, Margin
from pipeline.params.types.variants import Expanded, Variant
from pipeline.planning.ledger import Declared
from pipeline.planning.search_state import SearchState
from pipeline.planning.shared_phases import beginnings_of
from pipeline.runs.run import Context, Run
from pipeline.search.variant_search import with_values


@dataclass
class VariantState:
    """A variant: its `searches`, one for all replicates, or one for each group of `per_search` replicates.

    `seeds` is the number of replicates, from seed `first` on.
    """

    variant: Variant
    context: Context
    seeds: int
    all_searches: list[SearchState]
    first: int = 0
    per_search: int = 0

    def set_seeds(self, seeds: int, first: int) -> None:
        """Give it another number of replicates."""
        if (self.seeds, self.first) != (seeds, first):
            self.seeds, self.first = seeds, first
            self.__dict__.pop("replicates", None)

    @property
    def searches(self) -> list[SearchState]:
        """The searches that its replicates need, at least one."""
        if not self.per_search:
            return self.all_searches
        return self.all_searches[: max(1, ceil(self.seeds / self.per_search))]

    def search_of(self, seed: int) -> SearchState:
        """Return the search that chose the hyperparameters of replicate `seed`."""
        return self.all_searches[self._search_number(seed)]

    def _search_number(self, seed: int) -> int:
        return seed // self.per_search if self.per_search else 0

    @property
    def frozen_recipes(self) -> list[Recipe]:
        """The recipe with what each search chose; valid only once it `is_chosen`."""
        return [with_values(self.variant, search.values) for search in self.searches]

    @property
    def is_chosen(self) -> bool:
        """Whether the hyperparameters to measure are known."""
        return all(search.is_chosen for search in self.searches)

    @cached_property
    def replicates(self) -> list[Run]:
        """The runs that measure this variant, on seeds that no trial uses; valid only once it `is_chosen`."""
        recipes = self.frozen_recipes
        return [
            Run(
                recipes[self._search_number(seed)],
                self.context,
                "replicate",
                seed,
                resample=self.search_of(seed).resample,
            )
            for seed in range(self.first, self.first + self.seeds)
        ]

    def open_runs(self) -> list[Run]:
        """Return the runs that can be trained now: those of trials without a score, or the replicates."""
        if self.is_chosen:
            return self.replicates
        return [run for search in self.searches for run in search.open_runs()]

    def shared_keys(self) -> list[str]:
        """Return the keys of what runs go on from: phases that replicates begin with, earlier parts of trials.

        They may be stored as runs of their own.
        """
        keys = [key for search in self.searches for key in search.earlier_keys()]
        if self.is_chosen:
            keys += [key for run in self.replicates for key in beginnings_of(run)]
        return keys

    def trial_runs(self) -> list[dict[str, Any]]:
        """Return this variant's trials so far, those of one search after another: each with its `values` and `run_keys`."""
        return [trial for search in self.searches for trial in search.trial_runs()]


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
    """How many seeds the study asks for at most; its budget may allow fewer, or none."""
    planned: tuple[int, ...]
    """The numbers of seeds after which the study asks to look."""
    title: str
    """Its name among all studies of the project."""
    replicates: AnyReplicates
    """What differs between the replicates."""
    fresh: bool = False
    """Whether it is to be judged on seeds that nobody has looked at yet."""
    families: list[Declared] | None = None
    """The variants by when they were declared; None until all hyperparameters are known."""
    ended: set[str] = field(default_factory=set)
    """Names of variants that were ended at an earlier look, as far as that is known before all are declared."""

    @property
    def baseline(self) -> VariantState:
        """The variant that the others are compared with."""
        return next(v for v in self.variants if v.variant.name == self.expanded.baseline)

    @property
    def declared_margin(self) -> tuple[float, bool]:
        """The margin that was declared before the first look: its size, and whether that is relative."""
        return self.families[0].margin if self.families else (self.margin.size, self.margin.relative)

    def margin_now(self, measured: Mapping[str, Mapping[int, float]]) -> float:
        """Return the margin in the unit in which the metric is stored, by what was measured of the baseline."""
        size, relative = self.declared_margin
        if not relative:
            return size / 100 if self.metric.is_fraction else size
        values = [value for value in measured[self.expanded.baseline].values() if isfinite(value)]
        return size * abs(fmean(values)) if values else 0.0

    @property
    def looks(self) -> tuple[int, ...]:
        """The numbers of seeds after which is looked, as far as the budget allows."""
        return tuple(look for look in self.planned if look <= self.seeds) or (self.seeds,)

    def expecting(self, going_on: Callable[[int], float]) -> "AblationState":
        """Return the ablation with the seeds that variants may come to; `going_on` is the part that takes a look."""
        baseline = self.expanded.baseline
        ended = {
            name
            for family in self.families or ()
            for key, name in family.members.items()
            if key in family.ended and name != baseline
        } | self.ended
        if self.families and len(ended | {baseline}) == len(self.variants):
            return self
        if all(v.seeds == self.seeds for v in self.variants):
            return self
        variants = [
            v if v.variant.name in ended else replace(v, seeds=round(self._expected(v.seeds, going_on)))
            for v in self.variants
        ]
        return replace(self, variants=variants)

    def _expected(self, seeds: int, going_on: Callable[[int], float]) -> float:
        expected = float(seeds)
        for number, (before, look) in enumerate(pairwise(self.looks), 1):
            if look > seeds:
                expected += (look - max(before, seeds)) * going_on(number)
        return expected

    @property
    def is_left_out(self) -> bool:
        """Whether the study's budget allows nothing of it."""
        return self.seeds == 0

    def with_seeds(self, seeds: int) -> "AblationState":
        """Return the ablation as it is with so many replicates."""
        state = replace(self, seeds=seeds, families=None)
        state.variants = [replace(variant, seeds=state.looks[0]) for variant in self.variants]
        return state

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
