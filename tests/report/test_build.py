import base64
import csv
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pipeline.core.errors import UserError
from pipeline.core.project import page_stems
from pipeline.report import site
from pipeline.report.context import History, ReportContext
from pipeline.report.pages import mlflow_link
from pipeline.report.site import build
from pipeline.runs.records import Timing
from pipeline.store.journal import Session

from . import made_up
from .conftest import CONTEXT, MLFLOW, Built
from .made_up_diagnostics import WITH_DIAGNOSTICS

MOST_BYTES = 400_000


class Page(HTMLParser):
    """Collects what a browser would see as elements: tags with their attributes, ids, links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def attributes(self, name: str) -> list[str]:
        return [value for _, attributes in self.tags if (value := attributes.get(name)) is not None]


def small() -> dict[str, object]:
    return made_up.ablation("small", [made_up.variant("a"), made_up.variant("b", 0.99, {"x": 1})])


def test_writes_an_index_and_four_files_per_ablation(built: Built) -> None:
    expected = {"index.html", "metrics.json"}
    expected |= {".pages.json"} | {
        f"{name}.{ending}" for name in built.names for ending in ("html", "csv", "json", "tex")
    }
    assert {path.name for path in built.reports.iterdir()} == expected


def test_equal_results_give_equal_bytes(built: Built, tmp_path: Path) -> None:
    build(built.results, tmp_path, built.names, CONTEXT)
    for path in built.reports.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_pages_are_small(built: Built) -> None:
    pages = [path for path in built.reports.glob("*.html") if path.stem not in WITH_DIAGNOSTICS]
    assert max(path.stat().st_size for path in pages) < MOST_BYTES


def test_a_page_of_twelve_variants_is_small(tmp_path: Path) -> None:
    variants = [made_up.variant(f"variant_{n}", 0.96 + n / 1000, {"x": n}, tuned=True) for n in range(12)]
    made_up.write(tmp_path / "results", [made_up.ablation("twelve", variants)])
    build(tmp_path / "results", tmp_path / "reports", ["twelve"])
    assert (tmp_path / "reports" / "twelve.html").stat().st_size < MOST_BYTES


def test_removed_ablations_lose_their_pages_and_nothing_else_is_touched(tmp_path: Path) -> None:
    results, reports = tmp_path / "results", tmp_path / "reports"
    names = made_up.write(results, [small(), made_up.lone()])
    build(results, reports, names)
    (reports / "notes.html").write_text("<p>mine</p>")
    (reports / "notes.csv").write_text("mine")
    build(results, reports, ["small"])
    assert {path.name for path in reports.iterdir()} == {
        *(".pages.json", "index.html", "metrics.json", "notes.csv", "notes.html"),
        *(f"small.{ending}" for ending in ("csv", "html", "json", "tex")),
    }
    assert "lone" not in (reports / "index.html").read_text()


def test_only_pages_that_something_changed_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results, reports = tmp_path / "results", tmp_path / "reports"
    names = made_up.write(results, [small(), made_up.lone(), {**small(), "name": "third"}])
    drawn: list[str] = []
    write = site._write_ablation
    monkeypatch.setattr(site, "_write_ablation", lambda *given: drawn.append(given[-1]) or write(*given))

    def drawn_by(context: ReportContext = CONTEXT, names: list[str] = names) -> list[str]:
        drawn.clear()
        build(results, reports, names, context)
        return list(drawn)

    assert drawn_by() == names and drawn_by() == []
    pages = {path.name: path.read_bytes() for path in reports.iterdir()}
    (reports / "lone.csv").unlink()
    (reports / "third.html").write_text("edited")
    assert drawn_by() == ["lone", "third"]
    assert {path.name: path.read_bytes() for path in reports.iterdir()} == pages
    raw = json.loads((results / "small" / "ablation.json").read_text())
    (results / "small" / "ablation.json").write_text(json.dumps({**raw, "question": "Another?"}))
    assert drawn_by() == ["small"] and "Another?" in (reports / "small.html").read_text()
    assert drawn_by(replace(CONTEXT, mlflow_url="http://elsewhere:1")) == names
    assert drawn_by(replace(CONTEXT, times=lambda keys: {key: Timing(3.0) for key in keys})) == names
    assert drawn_by(names=["small", "third"]) == ["small", "third"]  # neighbours of what is gone
    monkeypatch.setattr("pipeline.report.snapshot.rendering_digest", lambda: "another")
    assert drawn_by(names=["small", "third"]) == ["small", "third"]


def test_what_is_new_is_told_on_pages_that_are_not_drawn_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results, reports = tmp_path / "results", tmp_path / "reports"
    names = made_up.write(results, [small(), made_up.lone()])
    key = small()["variants"][0]["replicates"][0]["run_key"]
    summary = build(results, reports, names, CONTEXT)
    gone = {**summary, "small": {**summary["small"], "variants": {"<i>": {"values": {}, "verdict": None}}}}
    then = replace(CONTEXT, history=History([Session(1, 2.0, (key,))], gone))
    drawn: list[object] = []
    monkeypatch.setattr(site, "_write_ablation", lambda *given: drawn.append(given))
    build(results, reports, names, then)
    assert not drawn
    told = {name: (reports / f"{name}.html").read_bytes() for name in names}
    assert b"Gone: &lt;i&gt;." in told["small"] and b"1 run trained" in told["small"]
    assert b"Gone:" not in told["lone"]
    monkeypatch.undo()
    (reports / ".pages.json").unlink()
    build(results, reports, names, then)
    assert {name: (reports / f"{name}.html").read_bytes() for name in names} == told


def test_a_missing_result_leaves_the_old_report_alone(tmp_path: Path) -> None:
    results, reports = tmp_path / "results", tmp_path / "reports"
    build(results, reports, made_up.write(results, [small()]))
    with pytest.raises(UserError, match="absent"):
        build(results, reports, ["absent"])
    assert (reports / "small.html").exists()


def test_no_ablations_give_an_empty_index(tmp_path: Path) -> None:
    build(tmp_path, tmp_path / "reports", [])
    assert "Ablation report" in (tmp_path / "reports" / "index.html").read_text()
    assert json.loads((tmp_path / "reports" / "metrics.json").read_text()) == {}


def test_hostile_text_stays_text(built: Built) -> None:
    for name in ("hostile", "index"):
        text = built.page(name)
        assert '<script>alert("x")</script>' not in text
        assert "&lt;script&gt;alert(" in text
        assert sum(tag == "script" for tag, _ in Page(text).tags) == 1


def test_pages_ask_for_nothing(built: Built) -> None:
    for path in built.reports.glob("*.html"):
        page = Page(path.read_text(encoding="utf-8"))
        assert not page.attributes("src")
        assert not [tag for tag, _ in page.tags if tag in {"img", "iframe", "object"}]
        assert [a["href"] for tag, a in page.tags if tag == "link"] == ["data:,"]
        policy = next(a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
        assert policy is not None
        assert policy.startswith("default-src 'none'")


def test_ids_are_unique_and_references_resolve(built: Built) -> None:
    for path in built.reports.glob("*.html"):
        page = Page(path.read_text(encoding="utf-8"))
        ids = page.attributes("id")
        assert len(set(ids)) == len(ids), path.name
        named = [key for value in page.attributes("aria-labelledby") for key in value.split()]
        clipped = [key for value in page.attributes("clip-path") for key in re.findall(r"#([^)]*)", value)]
        used = [value.removeprefix("#") for value in page.attributes("xlink:href") if value.startswith("#")]
        assert set(named + clipped + used) <= set(ids), path.name


def test_links_between_pages_lead_somewhere(built: Built) -> None:
    for path in built.reports.glob("*.html"):
        links = [
            link
            for link in Page(path.read_text(encoding="utf-8")).attributes("href")
            if link.endswith(".html")
        ]
        assert links
        assert all((built.reports / link).is_file() for link in links)


def test_downloads_hold_the_exported_files(built: Built) -> None:
    page = Page(built.page("activations"))
    downloads = {a["download"]: a["href"] for tag, a in page.tags if tag == "a" and "download" in a}
    assert set(downloads) == {"activations.csv", "activations.json", "activations.tex"}
    for name, link in downloads.items():
        assert link is not None
        content = base64.b64decode(link.partition(",")[2])
        assert content == (built.reports / str(name)).read_bytes()


def test_exports_hold_the_numbers(built: Built) -> None:
    with (built.reports / "activations.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    first = built.ablation("activations").variants[0].replicates[0]
    assert len(rows) == 50
    assert float(rows[0]["test_accuracy"]) == first.metrics["test_accuracy"]
    summary = json.loads((built.reports / "activations.json").read_text(encoding="utf-8"))
    assert summary["variants"][0]["name"] == "gelu"
    assert summary["variants"][0]["comparison"]["verdict"] == "better"
    assert summary["margin"] == pytest.approx(0.002)


def test_metrics_are_plain_numbers_by_ablation(built: Built) -> None:
    metrics = json.loads((built.reports / "metrics.json").read_text())
    assert list(metrics) == built.names
    relu = [r.metrics["test_accuracy"] for r in built.ablation("activations").variants[0].replicates]
    assert metrics["activations"]["baseline"]["mean"] == pytest.approx(sum(relu) / 5)
    assert metrics["activations"]["best"]["mean"] > metrics["activations"]["baseline"]["mean"]
    numbers = [
        value for ablation in metrics.values() for part in ablation.values() for value in part.values()
    ]
    assert all(isinstance(value, int | float) for value in numbers)


def test_a_page_shows_question_verdict_flags_and_changes(built: Built) -> None:
    text = built.page("activations")
    for expected in (
        "Which activation learns best in a plain MLP?",
        '<span class="verdict better">better</span>',
        "Differs from the baseline in 2 factors",
        "lecun_normal",
        "Hendrycks &amp; Gimpel 2016",
        "seed 3, stopped in epoch 4",
        "3.15.0",
    ):
        assert expected in text


def test_the_two_data_sets_have_boards_of_their_own(built: Built) -> None:
    index = built.page("index")
    assert "Leaders on digits, by test accuracy" in index
    assert "Leaders on fashion_mnist, by test loss" in index


def test_runs_that_ablations_share_are_one_entry_on_the_board(tmp_path: Path) -> None:
    shared = made_up.variant("shared", 0.99)
    ablations = [
        made_up.ablation(name, [shared, made_up.variant(f"other_{name}", 0.9, {"x": 1})])
        for name in ("one", "two")
    ]
    build(tmp_path, tmp_path / "reports", made_up.write(tmp_path, ablations))
    index = (tmp_path / "reports" / "index.html").read_text(encoding="utf-8")
    board = index[index.index("Leaders on") :]
    assert board.count("<bdi>shared</bdi>") == 1
    assert "one, two" in board


@pytest.mark.parametrize(
    ("names", "stems"),
    [
        (["a", "b"], ["a", "b"]),
        (["index", "metrics"], ["index_", "metrics_"]),
        (["index", "index_"], ["index__", "index_"]),
        (["Adam", "adam", "Index"], ["Adam", "adam_", "Index_"]),
    ],
)
def test_page_names_never_collide(names: list[str], stems: list[str]) -> None:
    assert list(page_stems(names).values()) == stems


def test_a_page_links_to_the_charts_that_compare_its_runs(built: Built) -> None:
    links = Page(built.page("ladder")).attributes("href")
    assert f"{MLFLOW}/#/experiments/7/runs?compareRunsMode=CHART" in links
    searched = Page(built.page("activations")).attributes("href")
    assert f"{MLFLOW}/#/experiments?experimentSearchFilter=activations" in searched


def test_a_page_says_how_long_its_runs_trained(built: Built) -> None:
    text = built.page("activations")
    assert "50 replicates and 60 trials. Replicates by engine: fused 50. All took " in text


@pytest.mark.parametrize(
    ("url", "link"),
    [
        (None, None),
        ("javascript:alert(1)", None),
        ("http://host:5000/", "http://host:5000/#/experiments?experimentSearchFilter=a%20b"),
    ],
)
def test_only_web_addresses_become_links(url: str | None, link: str | None) -> None:
    assert mlflow_link(ReportContext(url), "a b") == link
