"""Which looks an ablation asks for, each with a key that stands for all that can change its outcome. No TensorFlow."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from pipeline.params.expand import canonical
from pipeline.params.recipe import Recipe
from pipeline.probes.ledger import Ledger
from pipeline.runs import Run, code_digest, digest, own_code, without_comments
from pipeline.search.finder import tested_run
from pipeline.store import Store
from pipeline.survey import AblationState, VariantState, best_replicate

Kind = Literal["signals", "propagation", "functions", "finder", "uncertainty", "predictions"]


@dataclass(frozen=True)
class Probe:
    """One look: its kind, the variant it belongs to, the run it looks at, and settings in plain data."""

    kind: Kind
    variant: str
    run: Run
    settings: dict[str, Any]
    key: str


def wanted(store: Store, state: AblationState) -> list[Probe]:
    """Return every look that a completely trained ablation asks for, in the order of its variants."""
    return [
        *(probe for each in state.variants if each.is_chosen for probe in _of_variant(state, each)),
        *_predictions(store, state),
    ]


def missing(store: Store, state: AblationState) -> list[Probe]:
    """Return those of `wanted` that were not taken yet."""
    ledger = Ledger(store)
    return [probe for probe in wanted(store, state) if ledger.get(probe.key) is None]


def finder_probe(variant: str, run: Run, rates: dict[str, Any]) -> Probe:
    """Return the look that finds a learning rate; `run` is the one it tests with."""
    return _probe("finder", variant, run, rates, run.key)


def _of_variant(state: AblationState, each: VariantState) -> Iterator[Probe]:
    settings, name, first = state.evaluation, each.variant.name, each.replicates[0]
    if settings.learning_rate_finder or each.finder:
        tested = tested_run(each.variant.recipe, each.context)
        if _takes_any_rate(tested):
            yield finder_probe(name, tested, settings.rate_range.model_dump(mode="json"))
    if settings.activation_functions:
        for activation in hidden_activations(first.phases[-1].recipe):
            yield _probe("functions", name, first, activation, own_code(activation))
    for run in each.replicates:
        if settings.signals:
            yield _probe("signals", name, run, settings.signals.model_dump(mode="json"), run.key)
        if settings.propagation and run.phases[-1].recipe.model.layers:
            plain = {**settings.propagation.model_dump(mode="json"), **_tower(run)}
            yield _probe("propagation", name, run, plain, [run.seeds.weights, own_code(plain)])
        if settings.mc_samples and is_random(run.phases[-1].recipe):
            yield _probe("uncertainty", name, run, {"samples": settings.mc_samples}, run.key)


def _takes_any_rate(run: Run) -> bool:
    """A range test is of one training; what comes in phases has several."""
    return len(run.phases) == 1


def _tower(run: Run) -> dict[str, Any]:
    model = canonical(run.phases[-1].recipe)["model"]
    return {"activation": model["activation"], "initializer": model["initializer"]}


def _predictions(store: Store, state: AblationState) -> Iterator[Probe]:
    if state.evaluation.predictions is None:
        return
    found = best_variant(store, state)
    if found is not None:
        variant, run = found
        yield _probe("predictions", variant, run, {"shown": state.evaluation.predictions}, run.key)


def best_variant(store: Store, state: AblationState) -> tuple[str, Run] | None:
    """Return the variant with the best mean validation figure, and its best replicate: test data choose nothing."""
    metric = f"val_{state.spec.metric}"
    sign = 1.0 if state.spec.metric == "accuracy" else -1.0
    scored = []
    for order, each in enumerate(state.variants):
        records = [store.get(run.key) for run in each.replicates] if each.is_chosen else []
        scores = [sign * r.metrics[metric] for r in records if r is not None and r.outcome == "finished"]
        best = best_replicate(store, each, state.spec.metric) if scores else None
        if best is not None:
            scored.append((fmean(scores), -order, each.variant.name, best))
    return max(scored, key=lambda found: found[:2])[2:] if scored else None


def hidden_activations(recipe: Recipe) -> list[dict[str, Any]]:
    """Return the activations of the hidden blocks in plain data, each once."""
    model = canonical(recipe)["model"]
    blocks = [layer for layer in model["layers"] if "units" in layer or "filters" in layer]
    used = [block.get("activation") or model["activation"] for block in blocks]
    return [each for index, each in enumerate(used) if each not in used[:index]]


def is_random(recipe: Recipe) -> bool:
    """Tell whether a model of `recipe` has dropout or noise, by the names of its layers."""
    model = canonical(recipe)["model"]
    noise = [recipe.regularisation.dropout, *(layer.get("dropout") for layer in model["layers"])]
    names = [layer.get("name", "") for layer in model["layers"]]
    return any(noise) or any(word in name for name in names for word in ("Dropout", "Noise", ":"))


def _probe(kind: Kind, variant: str, run: Run, settings: dict[str, Any], about: object) -> Probe:
    return Probe(
        kind, variant, run, settings, digest([kind, settings, about, code_digest(), probes_digest()])
    )


@cache
def probes_digest() -> str:
    """Return a hash of the code that looks, comments aside."""
    return digest([without_comments(path) for path in _sources()])


def _sources() -> Iterable[Path]:
    return sorted(Path(__file__).parent.glob("*.py"))
