import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipeline.runs.records import EngineRecord, RunRecord
from pipeline.store import Store
from pipeline.tracking.address import default_uri

CURVES = {"loss": [0.9, 0.5, 0.4], "val_accuracy": [0.5, 0.75, 0.625], "learning_rate": [0.1, 0.1, 0.05]}


MLFLOW_WITH_SQLALCHEMY_2_1 = "ignore:The ``noload`` loader strategy:DeprecationWarning"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings(MLFLOW_WITH_SQLALCHEMY_2_1))


def record(key: str, phase: str = "replicate", seed: int = 0, **changes: Any) -> RunRecord:
    test = {"test_accuracy": 0.7} if phase == "replicate" else {}
    fields: dict[str, Any] = {
        "key": key,
        "recipe": {"model": {"layers": [8, 4], "activation": "relu"}, "optimizer": {"learning_rate": 0.01}},
        "dataset": "digits",
        "seed": seed,
        "kind": phase,
        "outcome": "finished",
        "metrics": {"loss": 0.5, "val_accuracy": 0.75, **test},
        "curves": CURVES,
        "epochs": 3,
        "best_epoch": 2,
        "parameters": 100,
        "seconds": 2.5,
        "engine": EngineRecord("fused", "dense", 10, 3),
        "device": "CPU",
    }
    return RunRecord(**{**fields, **changes})


@dataclass
class Study:
    """A project folder whose manifests and runs a test writes by hand."""

    root: Path
    manifests: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        return Store(self.root / ".runs")

    @property
    def uri(self) -> str:
        return default_uri(self.root)

    def add(
        self,
        ablation: str,
        variant: str,
        seed: int = 0,
        phase: str = "replicate",
        finished: bool = True,
        **values: Any,
    ) -> str:
        """Add a run to the ablation's manifest, finished unless `finished` is False, and return its key."""
        key = f"{ablation}-{variant}-{phase}-{seed}"
        manifest = self.manifests.setdefault(ablation, self._empty(ablation))
        entry = {"variant": variant, "phase": phase, "seed": seed, "run_key": key, "values": values}
        manifest["entries"].append(entry)
        if finished:
            self.finish(key, phase, seed)
        self.write()
        return key

    def finish(self, key: str, phase: str = "replicate", seed: int = 0) -> None:
        self.store.runs.put(record(key, phase, seed))

    def keep_model(self, ablation: str, variant: str, key: str) -> None:
        """Store a model for the run, as the variant's best."""
        self.store.runs.model_path(key).write_bytes(b"a model")
        self.manifests[ablation]["models"][variant] = key
        self.write()

    def drop(self, ablation: str, variant: str | None = None) -> None:
        """Remove a variant, or the whole ablation, from the manifests."""
        if variant is None:
            del self.manifests[ablation]
            self.store.manifests.remove(ablation)
            return
        entries = self.manifests[ablation]["entries"]
        self.manifests[ablation]["entries"] = [entry for entry in entries if entry["variant"] != variant]
        self.write()

    def write(self) -> None:
        for name, manifest in self.manifests.items():
            self.store.manifests.put(name, manifest)

    def _empty(self, ablation: str) -> dict[str, Any]:
        words = {"question": f"What of {ablation}?", "baseline": "relu", "dataset": "digits"}
        return {"ablation": ablation, **words, "entries": [], "models": {}}


def client(uri: str) -> Any:
    from pipeline.tracking.address import configure_environment

    configure_environment()
    from mlflow import MlflowClient

    return MlflowClient(uri)


def held(uri: str) -> dict[str, list[Any]]:
    """Return the active runs in MLflow by experiment, without the Default one; runs sorted by name."""
    mlflow = client(uri)
    return {
        experiment.name: sorted(
            mlflow.search_runs([experiment.experiment_id]), key=lambda run: run.info.run_name
        )
        for experiment in mlflow.search_experiments()
        if experiment.name != "Default"
    }


def names(uri: str) -> dict[str, list[str]]:
    return {name: [run.info.run_name for run in runs] for name, runs in held(uri).items()}


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database as MLflow makes it, which takes a second or two."""
    file = tmp_path_factory.mktemp("database") / "mlflow.db"
    client(f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture(autouse=True)
def no_tracking_uri(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)


@pytest.fixture
def study(tmp_path: Path, empty_database: Path) -> Iterator[Study]:
    """A project whose database exists and is empty."""
    root = tmp_path / "my study"
    root.mkdir()
    shutil.copy(empty_database, root / "mlflow.db")
    yield Study(root)
