"""What MLflow should hold, as the store's manifests say. Nothing here needs MLflow."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.store import Store

LAYOUT = 1
"""Counts up whenever runs are written differently, so that what an older version sent is written anew."""


@dataclass(frozen=True)
class WantedRun:
    """One run as MLflow should show it: `values` were tuned, `model` says whether its `.keras` goes along."""

    ablation: str
    variant: str
    phase: str
    seed: int
    run_key: str
    name: str
    values: dict[str, Any]
    model: bool

    @property
    def identity(self) -> str:
        """What makes it this run and no other within its ablation."""
        return f"{self.variant}/{self.phase}/{self.run_key}"

    @property
    def fingerprint(self) -> str:
        """A digest of all that is shown apart from the finished run itself, which its key stands for."""
        return digest([LAYOUT, self.identity, self.name, self.seed, self.values])


@dataclass(frozen=True)
class WantedExperiment:
    """One ablation as MLflow should show it, its runs by identity in the manifest's order."""

    ablation: str
    question: str
    baseline: str
    dataset: str
    runs: dict[str, WantedRun]

    @property
    def fingerprint(self) -> str:
        """A digest of all that is shown about the ablation itself."""
        return digest([LAYOUT, self.ablation, self.question, self.baseline, self.dataset])


def wanted(store: Store) -> dict[str, WantedExperiment]:
    """Return what the manifests ask for by ablation, finished or not."""
    return {name: _experiment(store, name, manifest) for name, manifest in store.manifests().items()}


def digest(value: object) -> str:
    """Return 16 hex digits that change with `value`."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _experiment(store: Store, name: str, manifest: dict[str, Any]) -> WantedExperiment:
    runs: dict[str, WantedRun] = {}
    for run in _runs(store, name, manifest):
        runs.setdefault(run.identity, run)
    question, baseline, dataset = (
        str(manifest.get(key) or "") for key in ("question", "baseline", "dataset")
    )
    return WantedExperiment(name, question, baseline, dataset, runs)


def _runs(store: Store, ablation: str, manifest: dict[str, Any]) -> Iterator[WantedRun]:
    trials: Counter[str] = Counter()
    models = manifest.get("models") or {}
    for entry in manifest.get("entries") or []:
        variant, phase, key = entry["variant"], entry["phase"], entry["run_key"]
        trials[variant] += phase == "trial"
        label = f"trial {trials[variant]}" if phase == "trial" else f"seed {entry['seed']}"
        model = phase == "replicate" and models.get(variant) == key and store.model_path(key).is_file()
        values = dict(entry.get("values") or {})
        yield WantedRun(ablation, variant, phase, entry["seed"], key, f"{variant} · {label}", values, model)
