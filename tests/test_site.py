"""The documents as a site: it builds without a warning, is read offline, and shows what notebooks and commands did."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import pipeline
from pipeline.params.json_schema import json_schema

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))
FENCE = re.compile(r"^```(\w+) ([^\n]+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
LOADED = re.compile(r"<(?:script|img|iframe)[^>]* src=\"([^\"]+)\"|<link [^>]*href=\"([^\"]+)\"")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATH = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    command = ["sphinx-build", "--quiet", "--fail-on-warning", "--keep-going", DOCS, folder]
    built = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **PATH}, check=False)
    assert built.returncode == 0, built.stderr
    return folder


@pytest.mark.slow
def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert {"tutorial.html", "params.html", "slurm.html"} <= {page.name for page in pages}
    for page in pages:
        loaded = ["".join(groups) for groups in LOADED.findall(page.read_text(encoding="utf-8"))]
        assert [target for target in loaded if "//" in target] == [], page


@pytest.mark.slow
def test_functions_that_scripts_call_are_described_with_their_types(site: Path) -> None:
    text = re.sub(r"<[^>]+>", "", (site / "api.html").read_text(encoding="utf-8"))
    for words in (
        "pipeline.results(ablation, folder=",
        "Raises UserError",
        "class pipeline.stats.compare.Comparison",
    ):
        assert words in " ".join(text.split()), words


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the path (Debian: apt-get install chromium)")
def test_it_is_searched_offline(site: Path) -> None:
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_context(offline=True).new_page()
        page.goto(f"{(site / 'search.html').as_uri()}?q=leave_one_out")
        page.get_by_role("link", name="Add an ablation").last.wait_for()
        browser.close()


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    return runpy.run_path(str(DOCS / "reference.py"))


def test_the_reference_has_every_key_of_every_type(reference: dict[str, Any]) -> None:
    page, schema = reference["keys"](), json_schema()
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE))
    assert sections.keys() == {"The study", *schema["$defs"]}
    for name, kind in {"The study": schema, **schema["$defs"]}.items():
        rows = re.findall(r"^\| `([\w.]+)` \|", sections[name], re.MULTILINE)
        assert rows == list(kind.get("properties", {})), name
    assert "| `seed` | a whole number, at least 0 | `0` |" in sections["The study"]
    assert "| `epochs` | a whole number, at least 1 | required |" in sections["TrainingSpec"]
    assert "`SGD`" in page and "`sgd`" not in page


def test_the_reference_has_every_command(reference: dict[str, Any]) -> None:
    page = reference["commands"]()
    assert {"init", "check", "judge", "store push"} <= set(re.findall(r"^## (.+)$", page, re.MULTILINE))
    assert "usage: keras-ablation judge" in page


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run_and_show_what_they_print(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", PATH["PATH"])
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    shown = nbformat.read(path, 4)
    executed = nbformat.read(path, 4)
    NotebookClient(executed, timeout=300, kernel_name="python3").execute()
    for before, after in zip(shown.cells, executed.cells, strict=True):
        if after.cell_type == "code":
            assert [output.output_type for output in before.outputs] == [
                output.output_type for output in after.outputs
            ]
    if path.stem == "judge_a_table":  # whose numbers are drawn from a seed
        assert _texts(shown) == _texts(executed)


def _texts(notebook: nbformat.NotebookNode) -> list[str]:
    return [
        output.get("text") or json.dumps(output.get("data", {}).get("text/plain"))
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]


@pytest.mark.slow
def test_the_tutorial_to_the_letter(tmp_path: Path) -> None:
    script = ["set -e"]
    for _, words, text in FENCE.findall((DOCS / "tutorial.md").read_text(encoding="utf-8")):
        match words.split():
            case ["tutorial"]:
                script.append(text)
            case ["study", file] | [file] if "." in file:
                script.append(f"cat > {file} <<'END'\n{text}END")
            case ["ablation", "append"]:
                script.append(f"cat >> params.yaml <<'END'\n{text}END")
    environment = {name: value for name, value in os.environ.items() if name != "DVC_ROOT"}
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=tmp_path,
        env={**environment, **PATH, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "On digits, over" in done.stdout and "narrow is worse than usual by" in done.stdout
    parts, width = (
        pipeline.results(name, tmp_path / "my-study" / "results").runs.set_index("variant")["run_key"]
        for name in ("parts", "width")
    )
    shared = set(width["usual"]) & set(parts["full"])
    assert len(shared) == min(len(width["usual"]), len(parts["full"])) > 0  # they were not trained twice
