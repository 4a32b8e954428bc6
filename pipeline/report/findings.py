"""The findings of one ablation: ranking, comparisons, flags and conclusion."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import isnan

from pipeline.report.cautions import Caution, cautions
from pipeline.report.measure import Measure, margin, margin_text, measure, shown_as
from pipeline.report.replication import by_seed, counts_of, kind_of, means
from pipeline.report.texts import plain
from pipeline.result_files import schema
from pipeline.result_files.schema import Ablation, Variant
from pipeline.stats import audit
from pipeline.stats.audit import Flag
from pipeline.stats.compare import Comparison, Family, Plan, compare
from pipeline.stats.conclusion import conclusion
from pipeline.stats.factors import Importance, importance
from pipeline.stats.formatting import MetricFormat
from pipeline.stats.intervals import Interval, t_interval


@dataclass(frozen=True)
class Row:
    """One variant in the ranking; without `interval` where all replicates diverged."""

    variant: Variant
    interval: Interval | None
    comparison: Comparison | None
    flags: tuple[Flag, ...]

    @property
    def difference(self) -> Interval | None:
        """The difference from the baseline, where there is one."""
        return self.comparison.difference if self.comparison else None


@dataclass(frozen=True)
class Findings:
    """One ablation's findings. `rows` run from best to worst mean, those without any at the end.

    All numbers are in the stored unit (accuracies as fractions). `steps` compare each rung of a ladder with
    the one before it. `importance` is there for full grids only.
    """

    ablation: Ablation
    measure: Measure
    margin: float
    rows: tuple[Row, ...]
    flags: tuple[Flag, ...]
    conclusion: tuple[str, ...]
    steps: Mapping[str, Comparison]
    importance: Importance | None

    def row(self, variant: str) -> Row:
        """Return the row of a variant; raises `KeyError` where there is none."""
        try:
            return next(row for row in self.rows if row.variant.name == variant)
        except StopIteration:
            raise KeyError(variant) from None

    @property
    def baseline(self) -> Row:
        """The baseline's row."""
        return self.row(self.ablation.baseline)

    @property
    def best(self) -> Row | None:
        """The row with the best mean, or None where every run diverged."""
        return self.rows[0] if self.rows[0].interval is not None else None

    @property
    def cautions(self) -> list[Caution]:
        """The flags as readers see them, those that several variants share as one."""
        return cautions(self.flags)

    @property
    def asked(self) -> Mapping[str, Comparison]:
        """The comparisons that answer the question: of a ladder its steps, else those with the baseline."""
        compared = {row.variant.name: row.comparison for row in self.rows if row.comparison is not None}
        return self.steps or compared

    @property
    def strongest(self) -> Comparison | None:
        """The largest difference among those found better or worse, or None where none was."""
        settled = [found for found in self.asked.values() if found.verdict in ("better", "worse")]
        return max(
            settled, key=lambda found: abs(found.difference.mean) if found.difference else 0.0, default=None
        )

    @property
    def verdicts(self) -> Counter[str]:
        """How many variants, or steps of a ladder, got each verdict."""
        return Counter(found.verdict for found in self.asked.values())


def find(ablation: Ablation, anytime: bool = False) -> Findings:
    """Analyse an ablation by `pipeline.stats`; `anytime`: as one that was looked at after every seed, without a plan."""
    unit = measure(ablation)
    measured = measurements(ablation, unit)
    overlap = ablation.replication.overlap
    intervals = {
        name: t_interval(values.values(), overlap=overlap)
        for name, values in measured.items()
        if _finite(values)
    }
    families = [_anytime(ablation)] if anytime else [_family(family) for family in ablation.families]
    compared = compare(
        measured, ablation.baseline, margin(ablation), unit.higher_is_better, families, overlap
    )
    flags = _flags(ablation, measured) + _look_flags(ablation, compared)
    steps, factors = _steps(ablation, unit, measured), _importance(ablation, measured)
    return Findings(
        ablation=ablation,
        measure=unit,
        margin=margin(ablation),
        rows=_ranked(ablation, unit, intervals, compared, flags),
        flags=tuple(flags),
        conclusion=tuple(_conclusion(ablation, unit, intervals, compared, steps, factors)),
        steps=steps,
        importance=factors,
    )


def _anytime(ablation: Ablation) -> Family:
    others = tuple(variant.name for variant in ablation.variants if variant.name != ablation.baseline)
    return Family(others, (Plan(tuple(range(2, ablation.seeds + 1))),), anytime=True)


def _family(family: schema.Family) -> Family:
    changed = [*family.changed, None]
    plans = tuple(Plan(looks, after) for looks, after in zip(family.looks, changed, strict=True))
    return Family(family.members, plans, family.gone)


def _look_flags(ablation: Ablation, compared: Mapping[str, Comparison]) -> list[Flag]:
    """Return cautions about verdicts, when was looked, and what was changed after a look."""
    spent = {name: comparison.spent_at for name, comparison in compared.items() if comparison.spent_at}
    signs = [
        flag
        for name, found in compared.items()
        for flag in audit.against_signs(name, found.p_holm, found.p_signs, found.verdict)
    ]
    borderline = [
        flag
        for name, found in compared.items()
        for flag in audit.borderline(name, found.verdict, found.p_holm, found.p_equivalence)
    ]
    studies = max((family.study for family in ablation.families), default=1)
    return [
        *borderline,
        *signs,
        *audit.exploratory(spent),
        *audit.changed_margin(margin_text(ablation), ablation.new_margin),
        *audit.several_studies(studies),
    ]


def measurements(ablation: Ablation, unit: Measure) -> dict[str, dict[int, float]]:
    """Return variant -> number of a replicate, its seed mostly -> measured value, NaN for those that diverged."""
    return {
        variant.name: means(by_seed(variant, unit), ablation.replication) for variant in ablation.variants
    }


def _finite(values: Mapping[int, float]) -> bool:
    return not all(isnan(value) for value in values.values())


def _ranked(
    ablation: Ablation,
    unit: Measure,
    intervals: Mapping[str, Interval],
    compared: Mapping[str, Comparison],
    flags: list[Flag],
) -> tuple[Row, ...]:
    sign = -1 if unit.higher_is_better else 1
    rows = [
        Row(
            variant,
            intervals.get(variant.name),
            compared.get(variant.name),
            tuple(flag for flag in flags if flag.variant == variant.name),
        )
        for variant in ablation.variants
    ]
    return tuple(
        sorted(rows, key=lambda row: (row.interval is None, sign * row.interval.mean if row.interval else 0))
    )


def _flags(ablation: Ablation, measured: Mapping[str, Mapping[int, float]]) -> list[Flag]:
    variants = ablation.variants
    outcomes = {v.name: [t.outcome for t in v.trials] + [r.outcome for r in v.replicates] for v in variants}
    fewest, _ = counts_of(ablation)
    flags = [
        *audit.few_seeds(fewest, kind_of(ablation.replication).counted(fewest)),
        *audit.fewer_seeds(ablation.seeds, ablation.wanted),
        *audit.unequal_budgets({v.name: len(v.trials) for v in variants}),
        *audit.diverged(outcomes),
        *audit.same_model(ablation.same_models),
        *audit.several_machines(ablation.environment.get("processor", "").split(schema.SEVERAL)),
    ]
    for variant in variants:
        flags += audit.edge_of_range(variant.name, variant.space, variant.chosen or {})
        own = measured[variant.name].values()
        flags += audit.far_off(variant.name, [value for value in own if not isnan(value)])
        flags += audit.still_improving(variant.name, _validation_losses(variant))
        flags += _search_flags(ablation, variant)
    return flags + (_several_factors(ablation) if ablation.kind == "variants" else [])


def _search_flags(ablation: Ablation, variant: Variant) -> list[Flag]:
    if ablation.tune is None or not ablation.replication.is_plain:
        return []  # how far the choice is luck is in the replicates, where each has its own
    monitor, tune = ablation.tune.monitor, ablation.tune
    shown = _format(ablation, monitor)
    scores = [trial.score for trial in variant.trials]
    to_the_end = [trial.score for trial in variant.trials if trial.outcome != "stopped"]
    measured = [
        r.metrics[monitor] for r in variant.replicates if r.outcome == "finished" and monitor in r.metrics
    ]
    return [
        *audit.failed_trials(variant.name, scores, shown),
        *audit.close_second(variant.name, to_the_end, measured, tune.seeds * tune.folds, shown),
    ]


def _several_factors(ablation: Ablation) -> list[Flag]:
    """Flag by-hand variants only: grids, ladders and leave-one-out change several things on purpose."""
    return audit.several_factors(
        {v.name: v.changes for v in ablation.variants if v.name != ablation.baseline}
    )


def _validation_losses(variant: Variant) -> list[list[float]]:
    return [
        r.curves["val_loss"] for r in variant.replicates if r.outcome == "finished" and "val_loss" in r.curves
    ]


def _conclusion(
    ablation: Ablation,
    unit: Measure,
    intervals: Mapping[str, Interval],
    compared: Mapping[str, Comparison],
    steps: Mapping[str, Comparison],
    factors: Importance | None,
) -> list[str]:
    """Return the sentences that answer the question, without the question itself."""
    names = [variant.name for variant in ablation.variants]
    before = dict(zip(names[1:], names, strict=False))
    sentences = conclusion(
        question=ablation.question,
        baseline=ablation.baseline,
        comparisons=compared,
        intervals=intervals,
        metric=_format(ablation, unit.key),
        seeds=counts_of(ablation),
        kinds=kind_of(ablation.replication),
        dataset=ablation.dataset,
        margin=margin(ablation),
        higher_is_better=unit.higher_is_better,
        kind=ablation.kind,
        steps={rung: (before[rung], step) for rung, step in steps.items()},
        importance=factors,
    )
    return sentences[1:]


def _format(ablation: Ablation, name: str) -> MetricFormat:
    """Return how sentences write a metric: with the decimals of the tables."""
    return MetricFormat(name, ablation.measured(name).is_fraction, shown_as(ablation, name).decimals)


def _steps(
    ablation: Ablation, unit: Measure, measured: Mapping[str, Mapping[int, float]]
) -> dict[str, Comparison]:
    """Compare every rung with the one before; all steps are one family."""
    if ablation.kind != "ladder":
        return {}
    gains = {
        rung: {
            seed: measured[rung][seed] - measured[before][seed]
            for seed in measured[rung]
            if seed in measured[before]
        }
        for before, rung in pairwise(measured)
    }
    nothing = {seed: 0.0 for own in gains.values() for seed in own}
    overlap = ablation.replication.overlap
    return compare({"": nothing, **gains}, "", margin(ablation), unit.higher_is_better, overlap=overlap)


def _importance(ablation: Ablation, measured: Mapping[str, Mapping[int, float]]) -> Importance | None:
    levels = {v.name: {factor: plain(level) for factor, level in v.levels.items()} for v in ablation.variants}
    if ablation.kind != "grid" or not all(levels.values()):
        return None
    try:
        return importance(levels, measured, independent=not ablation.replication.overlap)
    except ValueError:  # an incomplete grid has no analysis of variance
        return None
