import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pipeline.store import Store
from pipeline.tracking import ledger as ledgers
from pipeline.tracking.address import default_uri, sqlite_file, without_passwords
from pipeline.tracking.ledger import Ledger, SentExperiment, SentRun, pending

from .conftest import Study


def test_asking_does_not_import_mlflow() -> None:
    code = (
        "import sys, pipeline.tracking.tracker, pipeline.tracking.worker, pipeline.tracking.ui\n"
        "heavy = {'mlflow', 'numpy', 'pandas', 'tensorflow', 'sqlalchemy'} & sys.modules.keys()\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_nothing_is_pending_in_an_empty_project(tmp_path: Path) -> None:
    assert not pending(Store(tmp_path / ".runs"))


def test_a_finished_run_is_pending_and_one_in_training_is_not_missed(study: Study) -> None:
    study.add("act", "relu", finished=False)
    assert pending(study.store)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"layout": 0}', '{"layout": 1, "experiments": {"a": 3}}'])
def test_an_unreadable_ledger_is_an_empty_one(study: Study, text: str) -> None:
    ledgers.save(study.store, study.uri, Ledger())
    (file,) = ledgers.folder(study.store).glob("*.json")
    file.write_text(text)
    assert ledgers.load(study.store, study.uri) == Ledger()


def test_a_ledger_reads_as_written(study: Study) -> None:
    runs = {"relu/trial/k": SentRun("id", "digest", model=True)}
    ledger = Ledger({"act": SentExperiment("3", "digest", runs)}, clean=True)
    ledgers.save(study.store, study.uri, ledger)
    assert ledgers.load(study.store, study.uri) == ledger
    assert ledgers.load(study.store, "http://elsewhere") == Ledger()
    assert ledgers.is_trusted(ledger, study.uri)


def test_a_ledger_is_void_once_the_database_is_another(study: Study) -> None:
    ledger = Ledger(clean=True)
    ledgers.save(study.store, study.uri, ledger)
    database = study.root / "mlflow.db"
    content = database.read_bytes()
    database.unlink()
    assert not ledgers.is_trusted(ledger, study.uri)
    database.write_bytes(content)
    assert not ledgers.is_trusted(ledger, study.uri)


def test_one_writer_at_a_time(study: Study) -> None:
    order: list[str] = []

    def second() -> None:
        with ledgers.one_writer(study.store, study.uri):
            order.append("second")

    with ledgers.one_writer(study.store, study.uri):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(timeout=0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_the_owner_of_a_shared_database_is_the_store(tmp_path: Path) -> None:
    first, second = Store(tmp_path / "one" / ".runs"), Store(tmp_path / "two" / ".runs")
    server = "http://server"
    assert ledgers.owner(first, server) == ledgers.owner(first, server) != ledgers.owner(second, server)
    assert ledgers.owner(first, default_uri(tmp_path / "one")) == "this project"


@pytest.mark.parametrize(
    ("uri", "file"),
    [
        ("sqlite:////a b/mlflow.db", Path("/a b/mlflow.db")),
        ("sqlite:///mlflow.db?timeout=5", Path("mlflow.db")),
        ("sqlite+pysqlite:///x.db", Path("x.db")),
        ("http://host:5000", None),
        ("postgresql://user@host/db", None),
        ("file:///runs", None),
    ],
)
def test_sqlite_files_are_recognised(uri: str, file: Path | None) -> None:
    assert sqlite_file(uri) == file


def test_the_environment_names_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_uri(tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server")
    assert default_uri(tmp_path) == "http://server"


def test_passwords_are_not_printed() -> None:
    assert without_passwords("at http://me:secret@host/x?a=b@c and") == "at http://host/x?a=b@c and"
