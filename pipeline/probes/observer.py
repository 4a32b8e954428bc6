"""Takes the looks that an ablation asks for, one model built for all of a variant's replicates."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from pipeline.engine.driver import Workshop
from pipeline.params.evaluation import Propagation, RateRange, Signals
from pipeline.params.names import Named
from pipeline.probes.finder import find_rate
from pipeline.probes.functions import curve
from pipeline.probes.ledger import Ledger
from pipeline.probes.predictions import predictions
from pipeline.probes.propagation import propagate
from pipeline.probes.signals import signals
from pipeline.probes.subject import Subject
from pipeline.probes.uncertainty import uncertainty
from pipeline.probes.wanted import Probe
from pipeline.store import Store

Outcome = dict[str, Any]


class Observer:
    """Looks at stored runs; every outcome is kept as soon as it is there."""

    def __init__(self, workshop: Workshop, store: Store) -> None:
        self.workshop, self.store, self.ledger = workshop, store, Ledger(store)

    def observe(self, probes: Iterable[Probe]) -> None:
        """Take the looks that were not taken yet."""
        for probe in probes:
            self.outcome(probe)

    def outcome(self, probe: Probe) -> Outcome | None:
        """Return a look's outcome, taken now where it was not before; None where the run's weights are gone."""
        found = self.ledger.get(probe.key)
        if found is None and (found := self._take(probe)) is not None:
            self.ledger.put(probe.key, found)
            found = self.ledger.get(probe.key)
        return found

    def _take(self, probe: Probe) -> Outcome | None:
        settings, run = probe.settings, probe.run
        if probe.kind == "functions":
            return curve(Named.model_validate(settings))
        if probe.kind == "propagation":
            kinds = [Named.model_validate(settings[name]) for name in ("activation", "initializer")]
            sizes = Propagation(**{name: settings[name] for name in Propagation.model_fields})
            return propagate(kinds[0], kinds[1], sizes, run.seeds.weights)
        look = partial(Subject, self.workshop, run)
        if probe.kind == "finder":
            return find_rate(look(), run, RateRange(**settings))
        weights = self.store.weights(run.key)
        if weights is None and not self._diverged(run.key):
            return None
        if probe.kind == "signals":
            return signals(look(), run, weights, Signals(**settings))
        if weights is None:
            return {}
        if probe.kind == "uncertainty":
            return uncertainty(look(), run, weights, settings["samples"])
        return predictions(look(), weights, settings["shown"])

    def _diverged(self, key: str) -> bool:
        record = self.store.get(key)
        return record is not None and record.outcome == "diverged"
