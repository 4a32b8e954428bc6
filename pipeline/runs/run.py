"""A run: one recipe, trained once with one seed."""

from dataclasses import dataclass, field, replace
from functools import cached_property

from pipeline.params.types.phases import Phase, phases_of
from pipeline.params.types.recipe import Recipe
from pipeline.runs.fingerprint import run_key
from pipeline.runs.records import RunKind
from pipeline.runs.resample import Resample
from pipeline.runs.seeds import Seeds, seeds_of


@dataclass(frozen=True)
class Context:
    """What all runs of an ablation share: the data set and the digest of its content, the study's seed, the precision."""

    dataset: str
    data_digest: str
    study_seed: int
    precision: str


@dataclass(frozen=True)
class Run:
    """One recipe, trained once with one seed; `fold` is (k, n), fold k of n, in tuning by cross-validation.

    `seed` is the number of the replicate (or tuning seed), from which the `seeds` are derived. `until`: how many phases are
    trained, where this is the beginning of others; None where it is a run to its end. `epochs`: how many of the last phase
    are trained, of a trial that its search may end there. `resample`: which rows are tested, and so do not train, where that
    is another part of all rows for each replicate.

    Example:
        >>> Run(recipe, Context("digits", digest, study_seed=0, precision="float32"), "replicate", seed=0).key
    """

    recipe: Recipe
    context: Context
    kind: RunKind
    seed: int
    fold: tuple[int, int] | None = None
    until: int | None = None
    epochs: int | None = None
    resample: Resample | None = None
    key: str = field(init=False)

    def __post_init__(self) -> None:
        context = self.context
        key = run_key(
            self.recipe,
            dataset=context.dataset,
            data_digest=context.data_digest,
            precision=context.precision,
            kind=self.kind,
            seeds=self.seeds,
            fold=self.fold,
            phases=None if self.until is None else self.phases,
            epochs=self.epochs,
            resample=self.resample,
        )
        object.__setattr__(self, "key", key)

    @cached_property
    def phases(self) -> tuple[Phase, ...]:
        """The phases that are trained, at least one."""
        return phases_of(self.recipe)[: self.until]

    @property
    def is_tested(self) -> bool:
        """Whether it is evaluated on test data in the end."""
        return self.kind == "replicate" and self.until is None

    def beginning(self, count: int) -> "Run":
        """Return the run of the first `count` phases alone; equal for all runs that begin in the same way."""
        return replace(self, until=count, epochs=None)

    @cached_property
    def seeds(self) -> Seeds:
        """The seeds of this run, by source of randomness."""
        return seeds_of(self.context.study_seed, self.context.dataset, self.kind, self.seed)
