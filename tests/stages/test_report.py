"""The report stage: it renders pages only if something that they show has changed, and imports little otherwise."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from core.test_imports import HEAVY
from kit import record, run
from report import made_up
from report.made_up_diagnostics import function

from pipeline.data.fetch import fetch
from pipeline.data.prepare import prepare
from pipeline.report.snapshot import last_snapshot
from pipeline.stages.report import report
from pipeline.store import Store

SMALL = ("one", "two")


class Project:
    """A project with made-up results, and a store to train into."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reports = folder / "reports"
        self.store = Store(folder / ".runs")
        self.names: list[str] = []
        self.write(0.98)

    def write(self, mean: float) -> None:
        """Write the results of two ablations; in the second, one variant has this mean."""
        means = {"one": 0.97, "two": mean}
        self.names = made_up.write(
            self.folder / "results", [self._ablation(name, means[name]) for name in SMALL]
        )

    @staticmethod
    def _ablation(name: str, mean: float) -> object:
        variants = [
            made_up.variant(f"{name}_a", seeds=6),
            made_up.variant(f"{name}_b", mean, {"x": 1}, seeds=6),
        ]
        return made_up.ablation(name, variants, seeds=6)

    def train(self, key: str) -> None:
        with self.store.journal.session():
            self.store.runs.put(record(run(), key=key))

    def a_key(self) -> str:
        raw = json.loads((self.folder / "results" / "two" / "ablation.json").read_text(encoding="utf-8"))
        return str(raw["variants"][1]["replicates"][0]["run_key"])

    def report(self) -> bool:
        return report(self.names, self.store, self.folder)

    def index(self) -> str:
        return (self.reports / "index.html").read_text(encoding="utf-8")

    def contents(self) -> dict[str, bytes]:
        return {
            path.name: path.read_bytes() for path in self.reports.iterdir() if not path.name.startswith(".")
        }


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    yield Project(tmp_path)


def test_pages_are_rendered_once(project: Project) -> None:
    assert project.report()
    rendered = project.contents()
    assert not project.report()
    assert project.contents() == rendered
    assert "This is the first report" in project.index()


@pytest.mark.parametrize("lost", ["index.html", "one.html", "two.csv", "metrics.json"])
def test_a_lost_or_damaged_file_comes_back_as_it_was(project: Project, lost: str) -> None:
    project.report()
    rendered = project.contents()
    (project.reports / lost).unlink()
    assert project.report()
    assert project.contents() == rendered
    (project.reports / lost).write_text("cut sho", encoding="utf-8")
    assert project.report()
    assert project.contents() == rendered


def test_other_results_are_compared_with_the_last(project: Project) -> None:
    project.report()
    project.write(0.93)
    assert project.report()
    assert "two_b moved by" in project.index() and "worse than before" in project.index()
    assert "1 of 1 variant measured again moved beyond noise." in project.index()
    assert not project.report()


def test_diagnostics_that_come_and_go_are_shown(project: Project) -> None:
    project.report()
    path = project.folder / "results" / "two" / "evaluation.json"
    path.write_text(json.dumps({"functions": [function(["two_a"])]}), encoding="utf-8")
    page = project.reports / "two.html"
    assert project.report() and ">Activation functions</h2>" in page.read_text(encoding="utf-8")
    assert "This is the first report" in project.index() and not project.report()
    path.unlink()
    assert project.report() and ">Activation functions</h2>" not in page.read_text(encoding="utf-8")


def test_prepared_data_are_shown(project: Project) -> None:
    fetch("digits", project.folder, None)
    prepare("digits", project.folder)
    project.report()
    page = (project.reports / "one.html").read_text(encoding="utf-8")
    assert "digits: 1,397 training and 400 test images of 8 × 8 pixels, 10 classes." in page
    assert page.count("data:image/png;base64,") == 20
    # Enough for a page to stand alone, and little next to the rest of it.
    assert len(page) - page.index('<title id="data-excerpt-title"') < 40_000


def test_rendering_again_makes_the_same_snapshot(project: Project) -> None:
    project.report()
    project.write(0.93)
    project.report()
    rendered = project.contents()
    (project.reports / ".stamp.json").unlink()
    assert project.report()
    assert project.contents() == rendered


def test_what_was_trained_since_is_counted(project: Project) -> None:
    project.report()
    project.train(project.a_key())
    assert project.report()
    assert "1 run trained, 23 reused." in project.index()
    assert "No variant&#39;s numbers have changed." in project.index()
    assert not project.report()


def test_runs_of_other_studies_make_no_new_snapshot(project: Project) -> None:
    project.report()
    before = last_snapshot(project.reports)
    project.train("elsewhere")
    project.report()
    after = last_snapshot(project.reports)
    assert before is not None and after is not None
    assert (after.sessions, after.before) == (before.sessions, before.before)
    assert not project.report()


def test_a_removed_ablation_is_named_and_its_page_is_removed(project: Project) -> None:
    project.report()
    project.names = ["two"]
    assert project.report()
    assert "Ablations gone: one." in project.index()
    assert not (project.reports / "one.html").exists()


def test_a_damaged_snapshot_counts_as_none(project: Project) -> None:
    project.report()
    (project.reports / ".snapshot.json").write_text("[", encoding="utf-8")
    assert project.report()
    assert "This is the first report" in project.index()


def test_finding_that_nothing_changed_imports_nothing_heavy(project: Project) -> None:
    settings = project.folder / "data" / "settings"
    settings.mkdir(parents=True)
    (project.folder / "params.yaml").write_text("", encoding="utf-8")
    (settings / "ablations.json").write_text(json.dumps(project.names), encoding="utf-8")
    project.report()
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "pipeline", "report"],
        cwd=project.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert [line.partition(": ")[0] for line in lines[:-1]] == project.names, "each ablation's answer"
    assert all(line.endswith(".") for line in lines[:-1]) and lines[-1].endswith("index.html is up to date")
    loaded = {
        line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines() if "|" in line
    }
    assert loaded & (HEAVY | {"jinja2", "numpy"}) == set()


def test_two_processes_render_the_same(project: Project, tmp_path: Path) -> None:
    from pipeline.report.site import build

    for processes in (1, 2):
        build(project.folder / "results", tmp_path / str(processes), project.names, processes=processes)
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / count).iterdir()} for count in ("1", "2")
    )
    assert one == two and "two.html" in one
