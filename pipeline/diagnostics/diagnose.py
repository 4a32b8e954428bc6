"""Run the diagnostics that an ablation requires."""

from collections.abc import Iterable
from typing import Any

from pipeline.diagnostics.activation_functions import curve
from pipeline.diagnostics.model import DiagnosedModel
from pipeline.diagnostics.predictions import predictions
from pipeline.diagnostics.propagation import propagate
from pipeline.diagnostics.range_test import find_rate
from pipeline.diagnostics.required import Diagnostic
from pipeline.diagnostics.signals import signals
from pipeline.diagnostics.training_set import training_set
from pipeline.diagnostics.uncertainty import uncertainty
from pipeline.engine.model_cache import ModelCache
from pipeline.params.keras_names.named import Named
from pipeline.params.types.evaluation import Propagation, RateRange, Signals
from pipeline.runs.run import Run
from pipeline.store import Store

Outcome = dict[str, Any]


class DiagnosticsRunner:
    """Runs diagnostics of stored runs, and stores each outcome as soon as it is known."""

    def __init__(self, model_cache: ModelCache, store: Store) -> None:
        self.model_cache, self.store = model_cache, store

    def run(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Run the diagnostics that have no outcome yet."""
        for diagnostic in diagnostics:
            self.outcome(diagnostic)

    def outcome(self, diagnostic: Diagnostic) -> Outcome | None:
        """Return the stored outcome of a diagnostic, which is run if it has none; None if the run's weights are gone."""
        outcomes = self.store.diagnostics
        stored = outcomes.get(diagnostic.key)
        if stored is not None:
            return stored
        outcome = self._run(diagnostic)
        if outcome is None:
            return None
        outcomes.put(diagnostic.key, outcome)
        return outcomes.get(diagnostic.key)

    def _run(self, diagnostic: Diagnostic) -> Outcome | None:
        settings, run = diagnostic.settings, diagnostic.run
        if diagnostic.kind == "functions":
            return curve(Named.model_validate(settings))
        if diagnostic.kind == "propagation":
            return _propagation(run, settings)
        if diagnostic.kind == "finder":
            return find_rate(self._model(run), run, RateRange(**settings))
        return self._diagnose_trained(diagnostic)

    def _diagnose_trained(self, diagnostic: Diagnostic) -> Outcome | None:
        """Return the outcome of a diagnostic of trained weights; `{}` where a run diverged and there is nothing to see."""
        settings, run = diagnostic.settings, diagnostic.run
        weights = self.store.runs.weights(run.key)
        if weights is None and not self._diverged(run.key):
            return None
        if diagnostic.kind == "signals":
            return signals(self._model(run), run, weights, Signals(**settings))
        if weights is None:
            return {}
        if diagnostic.kind == "training_set":
            return training_set(self._model(run), weights)
        if diagnostic.kind == "uncertainty":
            return uncertainty(self._model(run), run, weights, settings["samples"])
        return predictions(self._model(run), weights, settings["shown"])

    def _model(self, run: Run) -> DiagnosedModel:
        return DiagnosedModel(self.model_cache, run)

    def _diverged(self, key: str) -> bool:
        record = self.store.runs.get(key)
        return record is not None and record.outcome == "diverged"


def _propagation(run: Run, settings: dict[str, Any]) -> Outcome:
    activation, initializer = (Named.model_validate(settings[name]) for name in ("activation", "initializer"))
    sizes = Propagation(**{name: settings[name] for name in Propagation.model_fields})
    return propagate(activation, initializer, sizes, run.seeds.weights)
