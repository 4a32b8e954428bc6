"""Made-up results and the report built from them, once for all tests that only read."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.report.context import History, ReportContext
from pipeline.report.site import build
from pipeline.result_files.read import read
from pipeline.result_files.schema import Ablation
from pipeline.store.journal import Session

from . import made_up, made_up_diagnostics

sys.path.insert(0, str(Path(__file__).parents[2]))  # `benchmarks` is not part of the installed package

MLFLOW = "http://127.0.0.1:5000"
TRAINED = [run["run_key"] for run in made_up.activations()["variants"][0]["trials"]][:2]
BEFORE = {
    "activations": {
        "dataset": "digits",
        "metric": "test_accuracy",
        "variants": {
            "gelu": {
                "values": {"0": 0.91, "1": 0.92, "2": 0.915, "3": 0.92, "4": 0.91},
                "verdict": "inconclusive",
            },
            "<gone>": {"values": {"0": 0.9}, "verdict": None},
        },
    }
}
CONTEXT = ReportContext(
    MLFLOW,
    {"ladder": f"{MLFLOW}/#/experiments/7/runs?compareRunsMode=CHART"},
    made_up.times,
    History([Session(1_700_000_000_000_000_000, 61.0, tuple(TRAINED))], BEFORE),
    made_up_diagnostics.excerpt,
)


@dataclass(frozen=True)
class Built:
    """A finished report: the folders of its results and pages, and its ablations' names in order."""

    results: Path
    reports: Path
    names: list[str]

    def page(self, name: str) -> str:
        return (self.reports / f"{name}.html").read_text(encoding="utf-8")

    def ablation(self, name: str) -> Ablation:
        return read(self.results, name)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("report")
    results, reports = folder / "results", folder / "reports"
    names = made_up.write(results)
    build(results, reports, names, CONTEXT)
    return Built(results, reports, names)
