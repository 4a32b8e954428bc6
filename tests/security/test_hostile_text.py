"""Markup, path parts, quotes, formulas and right-to-left marks: through params, store, MLflow, HTML, CSV and terminal."""

import csv
import io
import json
import time
from pathlib import Path
from typing import Any

import pytest
from kit import SMALL, record, study

from pipeline.core.errors import ParamsError
from pipeline.diagnostics.required import required
from pipeline.params.load import load, parse
from pipeline.planning.manifests import write_manifest
from pipeline.planning.state import read_states
from pipeline.result_files.write import write_results
from pipeline.store import Store

TEXTS = [
    '<script>alert("1")</script><img src=x onerror=alert(1)>',
    "../../etc/passwd",
    "'; DROP TABLE runs; --",
    '=HYPERLINK("http://example.org","x")',
    "@SUM(1+1)",
    "\u202egnp.exe \u200f\u05d0",
    "{{ 7 * 7 }} ${x} %s {0} [bold red]x[/]",
    "a\nb\tc",
    "—é😀",
]


def named(name: str) -> dict[str, Any]:
    return {"question": "Which?", "variants": {name: {}, "b": {"model": {"layers": [3]}}}}


@pytest.mark.parametrize(
    "text", [*TEXTS, "..", ".", "", "a/b", "a\\b", "-a", "=a", "CON", "a" * 65, "a\u202eb"]
)
def test_no_name_of_an_ablation_or_a_variant_is_anything_but_a_word(text: str) -> None:
    for raw in (named(text), {text: named("a")}):
        ablations = {"one": raw} if "question" in raw else raw
        with pytest.raises(ParamsError) as refused:
            parse({"base": SMALL, "ablations": ablations})
        assert all("\n" not in fault for fault in refused.value.faults)


@pytest.fixture
def finished(tmp_path: Path) -> tuple[Store, Path]:
    """Return the store and the folder of a finished ablation that has only hostile free texts."""
    store = Store(tmp_path / ".runs")
    hostile = study(
        {
            "one": {
                "question": " ".join(TEXTS),
                "variants": {
                    "a": {"reference": {"test_accuracy": 0.9, "source": " ".join(TEXTS)}},
                    "b": {"phases": [{"name": TEXTS[0], "training": {"epochs": 1}}, {"name": TEXTS[5]}]},
                },
                "seeds": 2,
            }
        }
    )
    (state,) = read_states(hostile, store, tmp_path)
    for variant in state.variants:
        store.runs.put_all([(record(run), None) for run in variant.replicates])
    write_manifest(store, state)
    write_results(store, state, required(store, state), tmp_path / "results")
    return store, tmp_path


@pytest.mark.usefixtures("finished")
def test_pages_show_it_as_text_and_tables_start_no_formula(tmp_path: Path) -> None:
    from pipeline.report.site import build

    build(tmp_path / "results", tmp_path / "reports", ["one"])
    for page in (tmp_path / "reports").glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "<script>alert" not in text and "<img src=x" not in text
    assert "&lt;script&gt;alert" in (tmp_path / "reports" / "one.html").read_text(encoding="utf-8")
    for table in (tmp_path / "reports").glob("*.csv"):
        for row in csv.reader(io.StringIO(table.read_text(encoding="utf-8"))):
            assert [cell for cell in row if cell[:1] in ("=", "@", "+", "\t", "\r")] == []
    assert {path.name for path in tmp_path.iterdir()} <= {".runs", "results", "reports"}


def test_the_manifest_gives_it_back_as_it_was(finished: tuple[Store, Path]) -> None:
    store, _ = finished
    manifest = store.manifests.get("one")
    assert manifest is not None and manifest["question"] == " ".join(TEXTS)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")  # MLflow
def test_mlflow_gives_it_back_as_it_was(
    finished: tuple[Store, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    from pipeline.tracking.projection import project

    store, root = finished
    uri = f"sqlite:///{root / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    project(store, uri)
    experiment = MlflowClient(uri).get_experiment_by_name("one")
    assert experiment.tags["mlflow.note.content"].startswith(" ".join(TEXTS))


def test_the_terminal_is_told_no_control_sequence(
    finished: tuple[Store, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    from pipeline.cli.show import show

    show(finished[1] / "results", ["one"])
    assert "[bold red]x[/]" in " ".join(capsys.readouterr().out.split())
    for text in ("\x1b]0;mine\x07", "\x9b31m", "a\x08b", "\x7f"):
        with pytest.raises(ParamsError, match="control characters"):
            load_text(finished[1], {"base": SMALL, "ablations": {"one": {**named("a"), "question": text}}})
        with pytest.raises(ParamsError, match="control characters") as refused:
            load_text(finished[1], {text: 1})
        assert text not in str(refused.value)


def load_text(root: Path, raw: object) -> None:
    path = root / "hostile.yaml"
    path.write_text(json.dumps(raw), encoding="utf-8")
    load(path)


def laughs(template: str, first: str) -> str:
    lines = [template.format(n=n, inner=", ".join([f"*l{n - 1}"] * 9)) for n in range(1, 40)]
    return "\n".join([f"l0: &l0 {first}", *lines])


BOMBS = {
    "aliases in lists": laughs("l{n}: &l{n} [{inner}]", "[1, 1]"),
    "merge keys": laughs("l{n}: &l{n} {{<<: [{inner}]}}", "{a: 1}"),
    "an alias within itself": "a: &a {b: *a}",
    "brackets": "a: " + "[" * 900_000,
    "dashes": "- " * 300_000,
    "questions": "? " * 300_000,
    "10 MB": "a: " + "x" * 10_000_000,
    "a grid of a billion": json.dumps(
        {
            "base": SMALL,
            "ablations": {
                "one": {
                    "question": "?",
                    "grid": {f"f{n}": {f"l{m}": {} for m in range(10)} for n in range(9)},
                }
            },
        }
    ),
}


SOON = 20.0
"""Seconds: ten times what an answer takes; what these files unfold to takes hours."""


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_answered_by_a_sentence_at_once(tmp_path: Path, bomb: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(BOMBS[bomb], encoding="utf-8")
    started = time.process_time()
    with pytest.raises(ParamsError) as refused:
        load(path)
    assert time.process_time() - started < SOON
    assert len(refused.value.faults) == 1 and "\n" not in refused.value.faults[0]
    assert len(refused.value.faults[0]) < 300
