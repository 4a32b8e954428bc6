"""What MLflow should hold, according to the store's manifests. Nothing here needs MLflow."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.store import Store

SUMMARY = "summary"
"""The kind of a run that stands for all replicates of a variant."""
LAYOUT = 2
"""Increase this whenever runs are written differently, so that runs sent by an older version are sent again."""
DESCRIBED = 2
"""The same for what describes an experiment."""


@dataclass(frozen=True)
class RequiredRun:
    """One run as MLflow should show it.

    `kind` is the run kind, trial or replicate, shown as the tag `phase`; `values` are the tuned hyperparameters;
    `model` says whether its `.keras` file is sent too. One of the kind `summary` stands for all replicates of a variant: it
    is in no store, and `summary` holds its numbers.
    """

    ablation: str
    variant: str
    kind: str
    seed: int
    run_key: str
    name: str
    values: dict[str, Any]
    model: bool
    summary: Mapping[str, Any] | None = None

    @property
    def identity(self) -> str:
        """What distinguishes this run from all others of its ablation."""
        return f"{self.variant}/{self.kind}/{self.run_key}"

    @property
    def fingerprint(self) -> str:
        """A digest of all that MLflow shows of it except its results, which the run key stands for."""
        return digest([LAYOUT, self.identity, self.name, self.seed, self.values])


@dataclass(frozen=True)
class RequiredExperiment:
    """One ablation as MLflow should show it, its runs by identity in the manifest's order."""

    ablation: str
    question: str
    baseline: str
    dataset: str
    runs: dict[str, RequiredRun]

    @property
    def fingerprint(self) -> str:
        """A digest of all that MLflow shows of the ablation itself."""
        return digest([LAYOUT, DESCRIBED, self.ablation, self.question, self.baseline, self.dataset])

    def runs_with_keys(self, keys: set[str]) -> dict[str, RequiredRun]:
        """Return, by identity, the runs whose run key is among `keys`."""
        return {identity: run for identity, run in self.runs.items() if run.run_key in keys}

    def to_send(self, finished: set[str]) -> dict[str, RequiredRun]:
        """Return, by identity, the runs that are `finished`, and the summaries of variants."""
        return {
            identity: run
            for identity, run in self.runs.items()
            if run.run_key in finished or run.summary is not None
        }


def required_experiments(store: Store) -> dict[str, RequiredExperiment]:
    """Return what the manifests require, by ablation, including runs that are not finished."""
    return {name: _experiment(store, name, manifest) for name, manifest in store.manifests.all().items()}


def digest(value: object) -> str:
    """Return 16 hex digits that depend on `value`, any JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _experiment(store: Store, name: str, manifest: dict[str, Any]) -> RequiredExperiment:
    runs: dict[str, RequiredRun] = {}
    for run in _runs(store, name, manifest):
        runs.setdefault(run.identity, run)
    question, baseline, dataset = (
        str(manifest.get(key) or "") for key in ("question", "baseline", "dataset")
    )
    return RequiredExperiment(name, question, baseline, dataset, runs)


def _runs(store: Store, ablation: str, manifest: dict[str, Any]) -> Iterator[RequiredRun]:
    trials: Counter[str] = Counter()
    models = manifest.get("models") or {}
    for entry in manifest.get("entries") or []:
        variant, kind, key = entry["variant"], entry["phase"], entry["run_key"]
        trials[variant] += kind == "trial"
        label = f"trial {trials[variant]}" if kind == "trial" else f"seed {entry['seed']}"
        model = kind == "replicate" and models.get(variant) == key and store.runs.model_path(key).is_file()
        values = dict(entry.get("values") or {})
        yield RequiredRun(ablation, variant, kind, entry["seed"], key, f"{variant} · {label}", values, model)
    for summary in manifest.get("summaries") or []:
        variant, values = summary["variant"], dict(summary["values"])
        key, name = digest(summary), f"{variant} · {SUMMARY}"
        yield RequiredRun(ablation, variant, SUMMARY, 0, key, name, values, False, summary)
