"""The diagnostics that an ablation requires, each with a key made of all that can change its outcome. No TensorFlow."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal

from pipeline.core.digests import digest
from pipeline.core.metrics import Metric
from pipeline.params.expansion.resolve import canonical
from pipeline.params.types.recipe import Recipe
from pipeline.planning.ablation import AblationState, VariantState
from pipeline.planning.state import best_replicate
from pipeline.runs.fingerprint import code_digest, own_code, part_digest
from pipeline.runs.run import Run
from pipeline.search.rate_search import tested_run
from pipeline.store import Store

Kind = Literal["signals", "propagation", "functions", "finder", "training_set", "uncertainty", "predictions"]


OF_A_RUNG = 10
"""How many mistakes of a ladder's rung are shown, of one that is not the best: a row."""


@dataclass(frozen=True)
class Diagnostic:
    """One diagnostic: its kind, the name of its variant, the run that it examines, and its settings in plain data."""

    kind: Kind
    variant: str
    run: Run
    settings: dict[str, Any]
    key: str


def required(store: Store, state: AblationState) -> list[Diagnostic]:
    """Return every diagnostic that a completely trained ablation requires, in the order of its variants."""
    known = [variant for variant in state.variants if variant.is_chosen]
    of_variants = [diagnostic for variant in known for diagnostic in _of_variant(state, variant)]
    return [*of_variants, *_predictions(store, state)]


def missing(store: Store, state: AblationState) -> list[Diagnostic]:
    """Return those of `required` that have no outcome yet."""
    return [entry for entry in required(store, state) if store.diagnostics.get(entry.key) is None]


def range_test_diagnostic(variant: str, run: Run, rates: dict[str, Any]) -> Diagnostic:
    """Return the range test of learning rates that trains `run`; `rates` is a `RateRange` in plain data."""
    return _diagnostic("finder", variant, run, rates, run.key)


def _of_variant(state: AblationState, variant: VariantState) -> Iterator[Diagnostic]:
    settings, name, first = state.evaluation, variant.variant.name, variant.replicates[0]
    if settings.learning_rate_finder or variant.searches[0].finder:
        run = tested_run(variant.variant.recipe, variant.context)
        if len(run.phases) == 1:  # a range test is of one training; phases are several
            yield range_test_diagnostic(name, run, settings.rate_range.model_dump(mode="json"))
    if settings.activation_functions:
        for activation in hidden_activations(first.phases[-1].recipe):
            yield _diagnostic("functions", name, first, activation, own_code(activation))
    for run in variant.replicates:
        if settings.signals:
            yield _diagnostic("signals", name, run, settings.signals.model_dump(mode="json"), run.key)
        chain = run.phases[-1].recipe.chain
        if settings.propagation and chain is not None and chain.layers:
            plain = {**settings.propagation.model_dump(mode="json"), **_propagated_layer(run)}
            yield _diagnostic("propagation", name, run, plain, [run.seeds.weights, own_code(plain)])
        if settings.training_set:
            yield _diagnostic("training_set", name, run, {}, run.key)
        if settings.mc_samples and state.dataset.task == "classes" and is_random(run.phases[-1].recipe):
            yield _diagnostic("uncertainty", name, run, {"samples": settings.mc_samples}, run.key)


def _propagated_layer(run: Run) -> dict[str, Any]:
    model = canonical(run.phases[-1].recipe)["model"]
    return {"activation": model["activation"], "initializer": model["initializer"]}


def _predictions(store: Store, state: AblationState) -> Iterator[Diagnostic]:
    """Yield those of the variant with the best mean score; where they are pictures, those of a ladder's other rungs.

    A variant is shown by its best replicate: test data decide nothing.
    """
    shown, metric = state.evaluation.predictions, state.metric
    if shown is None:
        return
    candidates = [
        (variant, run)
        for variant in state.variants
        if variant.is_chosen and (run := best_replicate(store, variant, metric)) is not None
    ]
    best = max(candidates, key=lambda candidate: _mean_score(store, candidate[0], metric), default=None)
    if best is None:
        return
    rungs = state.expanded.kind == "ladder" and state.dataset.task == "classes" and state.dataset.is_image
    others = [candidate for candidate in candidates if candidate is not best]
    for variant, run in [best, *(others if rungs else [])]:
        count = shown if variant is best[0] else min(shown, OF_A_RUNG)
        yield _diagnostic("predictions", variant.variant.name, run, {"shown": count}, run.key)


def _mean_score(store: Store, variant: VariantState, metric: Metric) -> float:
    """Return the mean score over the replicates that finished, at least one."""
    records = [store.runs.get(run.key) for run in variant.replicates]
    finished = [record for record in records if record is not None and record.outcome == "finished"]
    return fmean(metric.score(record.metrics[metric.choosing(record.metrics)]) for record in finished)


def hidden_activations(recipe: Recipe) -> list[dict[str, Any]]:
    """Return the activations of the hidden blocks in plain data, each once."""
    if recipe.chain is None:
        return []
    model = canonical(recipe)["model"]
    blocks = [layer for layer in model["layers"] if "units" in layer or "filters" in layer]
    used = [block.get("activation") or model["activation"] for block in blocks]
    return [activation for index, activation in enumerate(used) if activation not in used[:index]]


def is_random(recipe: Recipe) -> bool:
    """Return whether a model of `recipe` may have dropout or noise, by the names of its layers.

    A user's own layer or model counts as random: `uncertainty` finds out once the model is built.
    """
    if recipe.chain is None:
        return True
    model = canonical(recipe)["model"]
    dropout = [recipe.regularisation.dropout, *(layer.get("dropout") for layer in model["layers"])]
    names = [layer.get("name", "") for layer in model["layers"]]
    return any(dropout) or any(word in name for name in names for word in ("Dropout", "Noise", ":"))


def _diagnostic(kind: Kind, variant: str, run: Run, settings: dict[str, Any], subject: object) -> Diagnostic:
    """Return a diagnostic; `subject` is what it examines, in plain data: equal subjects have equal outcomes."""
    key = digest([kind, settings, subject, code_digest(), part_digest("diagnostics")])
    return Diagnostic(kind, variant, run, settings, key)
