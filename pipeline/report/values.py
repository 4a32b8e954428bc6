"""The values of a variant that a `reference` can name: how each is read from results, called and shown."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.metrics import Metric
from pipeline.core.text import in_words
from pipeline.params.types.reference import PHASE, RATIO
from pipeline.report.measure import ACCURACY, LOSS, Measure, measured, shown_as
from pipeline.report.phase_epochs import phase_ends
from pipeline.result_files.diagnostics import VariantOutcomes
from pipeline.result_files.schema import Ablation, Replicate, Variant
from pipeline.stats.published_value import Published
from pipeline.stats.ratios import paired_ratios

COUNT = Measure("count", 1.0, "", "", 0, True)
TIMES = Measure("ratio", 1.0, "", "", 2, True)
PLAIN = Measure("value", 1.0, "", "", 3, True)
DEPTHS = 10
"""Depths, spread evenly, of which the self-normalisation experiment's values are."""

MEAN = "mean through depth"
PARTS_IN_WORDS = {"val_": "validation", "test_": "test"}

ByReplicate = dict[int, float]
"""A value by the seed of the replicate that it was measured on."""
Reader = Callable[[Ablation, Variant, Published], ByReplicate]
Outcome = Mapping[str, Any]


@dataclass(frozen=True)
class Value:
    """What a name stands for: `title` in words, the `unit` it is shown in, and how an ablation's results hold it."""

    title: str
    unit: Measure
    read: Reader

    @property
    def is_judged(self) -> bool:
        """Whether higher or lower is better."""
        return self.unit not in (COUNT, PLAIN)

    @property
    def label(self) -> str:
        """The title with the unit: `validation accuracy (%)`."""
        return f"{self.title} ({self.unit.unit})" if self.unit.unit else self.title

    def size(self, published: float) -> float:
        """Return what the width of our range is judged by: an accuracy's error, 1 for a mean about 0, else the value."""
        if self.unit.factor == ACCURACY.factor:
            return 1 - published
        return 1.0 if self.title == MEAN else abs(published)


def value_of(name: str, ablation: Ablation | None = None) -> Value:
    """Return the value that `name` stands for; a name that is none of ours is read as a metric's of the ablation."""
    if name in OTHERS:
        return OTHERS[name]
    phase = PHASE.fullmatch(name)
    if phase:
        title = f"{metric_name(phase['metric'])} after “{phase['phase']}”"
        unit = shown_as(ablation, phase["metric"])
        return Value(title, unit, _after_phase(phase["phase"], phase["metric"]))
    group, _, metric = name.rpartition(".")
    unit, known = shown_as(ablation, metric), measured(ablation, metric)
    if group == "best":
        return Value(f"best {metric_name(metric)}", unit, _each(lambda run: _best(run, metric, known)))
    if group == "best_epoch":
        return Value(
            f"epoch of best {metric_name(metric)}",
            COUNT,
            _each(lambda run: _best_epoch(run, metric, known)),
        )
    return Value(metric_name(metric), unit, _each(lambda run: run.metrics.get(metric)))


def metric_name(metric: str) -> str:
    """Return a metric in words: `validation accuracy`."""
    part = next((part for part in PARTS_IN_WORDS if metric.startswith(part)), "")
    return f"{PARTS_IN_WORDS.get(part, 'training')} {in_words(metric.removeprefix(part))}"


def _each(of: Callable[[Replicate], float | None]) -> Reader:
    """Return a reader of one value for each replicate that finished and has it."""

    def read(_: Ablation, variant: Variant, __: Published) -> ByReplicate:
        values = ((run.seed, of(run)) for run in variant.replicates if run.outcome == "finished")
        return {seed: value for seed, value in values if value is not None}

    return read


def _best(run: Replicate, name: str, metric: Metric) -> float | None:
    curve = run.curves.get(name)
    return max(curve, key=metric.score) if curve else None


def _best_epoch(run: Replicate, metric: str, measured: Metric) -> float | None:
    best = _best(run, metric, measured)
    return None if best is None else run.curves[metric].index(best) + 1


def _after_phase(phase: str, metric: str) -> Reader:
    def read(ablation: Ablation, variant: Variant, published: Published) -> ByReplicate:
        end = dict(phase_ends(variant)).get(phase)

        def at_end(run: Replicate) -> float | None:
            curve = run.curves.get(metric, [])
            return curve[end - 1] if end is not None and end <= len(curve) else None

        return _each(at_end)(ablation, variant, published)

    return read


def _parameters(count: Callable[[Variant], int | None]) -> Reader:
    """Return a reader of a number of parameters, the same for every replicate."""

    def read(ablation: Ablation, variant: Variant, published: Published) -> ByReplicate:
        return _each(lambda _: count(variant))(ablation, variant, published)

    return read


def _not_trainable(variant: Variant) -> int | None:
    trainable = variant.trainable_parameters
    return None if trainable is None else variant.parameters - trainable


def _error_ratio(ablation: Ablation, variant: Variant, published: Published) -> ByReplicate:
    """Return how many times smaller the test error is than that of the other variant's replicate with the same seed."""
    names = [other.name for other in ablation.variants]
    against = published.against or ablation.baseline
    if against not in names:
        return {}
    return paired_ratios(_errors(variant), _errors(ablation.variant(against)))


def _errors(variant: Variant) -> ByReplicate:
    measured = ((run.seed, ACCURACY.of(run)) for run in variant.replicates)
    return {seed: 1 - accuracy for seed, accuracy in measured if accuracy is not None}


def _diagnosed(kind: str, of: Callable[[Outcome], float | None]) -> Reader:
    """Return a reader of one value from each replicate's outcome of a diagnostic."""

    def read(ablation: Ablation, variant: Variant, _: Published) -> ByReplicate:
        outcomes: Sequence[VariantOutcomes] = getattr(ablation.diagnostics, kind)
        own = (entry for entry in outcomes if entry.variant == variant.name)
        values = ((run["seed"], of(run)) for entry in own for run in entry.replicates)
        return {seed: value for seed, value in values if value is not None}

    return read


def _through_depth(key: str, reduce: Callable[[NDArray[np.float64]], Any]) -> Reader:
    """Return a reader of one number for the activations at `DEPTHS` depths; none where one of them was not finite."""

    def of(outcome: Outcome) -> float | None:
        depths, values = outcome.get("depth") or [], outcome.get(key) or []
        shown = dict(zip(depths, values, strict=True))
        last = max(depths, default=0)
        chosen = [shown.get(round(last * part / DEPTHS)) for part in range(1, DEPTHS + 1)]
        return None if None in chosen else float(reduce(np.array(chosen, np.float64)))

    return _diagnosed("propagation", of)


def _nan_rate(ablation: Ablation, variant: Variant, _: Published) -> ByReplicate:
    tests = (test for test in ablation.diagnostics.finder if test["variant"] == variant.name)
    return {test["seed"]: test["nan_rate"] for test in tests if test.get("nan_rate") is not None}


OTHERS = {
    RATIO: Value("error ratio", TIMES, _error_ratio),
    "parameters": Value("parameters", COUNT, _parameters(lambda variant: variant.parameters)),
    "trainable_parameters": Value(
        "trainable parameters", COUNT, _parameters(lambda variant: variant.trainable_parameters)
    ),
    "non_trainable_parameters": Value("non-trainable parameters", COUNT, _parameters(_not_trainable)),
    "training_set.accuracy": Value(
        "training set accuracy, dropout off", ACCURACY, _diagnosed("training_set", itemgetter("accuracy"))
    ),
    "training_set.loss": Value(
        "training set loss, dropout off", LOSS, _diagnosed("training_set", itemgetter("loss"))
    ),
    "propagation.mean": Value(MEAN, PLAIN, _through_depth("mean", np.mean)),
    "propagation.lowest_deviation": Value(
        "lowest deviation through depth", PLAIN, _through_depth("deviation", np.min)
    ),
    "propagation.highest_deviation": Value(
        "highest deviation through depth", PLAIN, _through_depth("deviation", np.max)
    ),
    "learning_rate_finder.nan_rate": Value("rate at which the loss is NaN", PLAIN, _nan_rate),
}
"""What is neither a metric nor one of a certain epoch."""
