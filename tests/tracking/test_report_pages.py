"""The pages of ablations as artifacts of MLflow's runs."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.tracking import ledger as ledgers
from pipeline.tracking.projection import project
from pipeline.tracking.report_pages import send_pages, try_to_send_pages

from .conftest import Study, client
from .test_projection import SUMMED, ids
from .test_tracker import NOBODY


@pytest.fixture
def summed_up(study: Study) -> Study:
    """A study whose baseline has a summary in MLflow, and a page."""
    study.add("act", "relu")
    _summarise(study)
    _page(study).parent.mkdir()
    _page(study).write_text("first", encoding="utf-8")
    return study


def _summarise(study: Study, **changes: Any) -> None:
    study.manifests["act"]["summaries"] = [{**SUMMED, **changes}]
    study.write()
    project(study.store)


def _page(study: Study) -> Path:
    return study.root / "reports" / "act.html"


def _shown(study: Study, folder: Path) -> str:
    folder.mkdir()
    run_id = ids(study)["relu · summary"]
    return Path(client(study.uri).download_artifacts(run_id, "act.html", str(folder))).read_text(
        encoding="utf-8"
    )


def test_mlflow_has_the_page_as_it_is_now(summed_up: Study, tmp_path: Path) -> None:
    assert send_pages(summed_up.store, summed_up.uri) == 1
    assert send_pages(summed_up.store, summed_up.uri) == 0
    assert _shown(summed_up, tmp_path / "one") == "first"
    _page(summed_up).write_text("second", encoding="utf-8")
    assert send_pages(summed_up.store, summed_up.uri) == 1
    assert _shown(summed_up, tmp_path / "two") == "second"


def test_a_run_that_is_sent_again_gets_its_page_again(summed_up: Study, tmp_path: Path) -> None:
    send_pages(summed_up.store, summed_up.uri)
    _summarise(summed_up, tags={"verdict": "worse"})
    assert send_pages(summed_up.store, summed_up.uri) == 1
    assert _shown(summed_up, tmp_path / "again") == "first"


def test_without_pages_or_summaries_there_is_nothing_to_send(study: Study) -> None:
    study.add("act", "relu")
    project(study.store)
    assert send_pages(study.store, study.uri) == 0


def test_a_server_that_is_gone_costs_a_line(
    summed_up: Study, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    ledgers.save(summed_up.store, NOBODY, ledgers.load(summed_up.store, summed_up.uri))
    try_to_send_pages(summed_up.store, NOBODY)
    assert capsys.readouterr().err.startswith("MLflow does not have the newest pages: ")


def test_an_ablation_that_is_called_index_has_its_own_page(study: Study) -> None:
    study.add("index", "relu")
    study.manifests["index"]["summaries"] = [SUMMED]
    study.write()
    project(study.store)
    reports = study.root / "reports"
    reports.mkdir()
    (reports / "index.html").write_text("of all ablations", encoding="utf-8")
    assert send_pages(study.store, study.uri) == 0
    (reports / "index_.html").write_text("of this one", encoding="utf-8")
    assert send_pages(study.store, study.uri) == 1
