"""What the documents say can be done: examples are valid, links lead somewhere, commands exist."""

import re
import runpy
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from pipeline.cli import main
from pipeline.data import own
from pipeline.params.expand import expand
from pipeline.params.load import parse
from pipeline.params.plain import parse as parse_text

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
EXAMPLE = re.compile(r"^```yaml (study|ablation)\n(.*?)^```", re.DOTALL | re.MULTILINE)
MODULE = re.compile(r"^```python (\w+\.py)\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^()\s]+)\)|src=\"([^\"]+)\"")
PICTURE_BYTES = 250_000


def texts() -> dict[Path, str]:
    return {path: path.read_text(encoding="utf-8") for path in DOCUMENTS}


def examples() -> list[Any]:
    return [
        pytest.param(*found.groups(), id=f"{path.relative_to(ROOT)}:{number}")
        for path, text in texts().items()
        for number, found in enumerate(EXAMPLE.finditer(text), start=1)
    ]


def plain(text: str) -> Any:
    value, faults = parse_text(text)
    assert faults == []
    return value


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that holds every module the documents show."""
    for text in texts().values():
        for name, code in MODULE.findall(text):
            (tmp_path / name).write_text(code, encoding="utf-8")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(("kind", "text"), examples())
@pytest.mark.usefixtures("project")
def test_examples_are_valid(kind: str, text: str) -> None:
    default = plain((ROOT / "params.yaml").read_text(encoding="utf-8"))
    study = parse(plain(text) if kind == "study" else {**default, "ablations": plain(text)})
    for name in study.ablations:
        assert len(expand(study, name).variants) > 1


def test_there_is_an_example_of_every_way_to_write_variants() -> None:
    found = " ".join(text for _, text in EXAMPLE.findall("\n".join(texts().values())))
    for key in ("variants:", "grid:", "ladder:", "leave_one_out:", "tune:", "phases:"):
        assert key in found


def test_the_data_set_that_is_shown_can_be_fetched(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(project)
    folder = own.fetch("my_data:stripes", project)
    sys.modules.pop("my_data")
    assert (folder / "meta.json").exists()


@pytest.mark.slow
def test_the_search_that_is_shown_finds_a_model(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    found = runpy.run_path("search_digits.py")
    _, accuracy = found["best"].evaluate(found["images"] / 16, found["labels"], verbose=0)
    assert accuracy > 0.9


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_somewhere(path: Path) -> None:
    targets = ["".join(found) for found in LINK.findall(path.read_text(encoding="utf-8"))]
    files = [unquote(target.partition("#")[0]) for target in targets if "://" not in target]
    missing = [file for file in files if file and not (path.parent / file).exists()]
    assert missing == []


def test_every_make_target_exists() -> None:
    defined = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    named = {
        name
        for text in texts().values()
        for name in re.findall(r"(?:`|^)make (?:\w+=\S+ )?(\w+)", text, re.MULTILINE)
    }
    assert {"repro", "test", "env", "check", "ui"} <= named <= set(defined)


def test_every_command_exists(capsys: pytest.CaptureFixture[str]) -> None:
    named = {name for text in texts().values() for name in re.findall(r"python -m pipeline (\w+)", text)}
    assert {"check", "plan", "ui"} <= named
    for name in sorted(named):
        with pytest.raises(SystemExit) as left:
            main([name, "--help"])
        assert left.value.code == 0
        assert f"python -m pipeline {name}" in capsys.readouterr().out


def test_every_stage_exists() -> None:
    stages = set(plain((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"])
    for text in texts().values():
        for line in re.findall(r"dvc repro ([^\n`]*)", text):
            words = line.partition("#")[0].split()
            assert {word for word in words if re.fullmatch("[a-z]+", word)} <= stages, line


def test_pictures_are_small() -> None:
    sizes = {path.name: path.stat().st_size for path in (ROOT / "docs" / "images").iterdir()}
    assert sizes
    assert [name for name, size in sizes.items() if size > PICTURE_BYTES] == []


def test_documents_name_no_machine() -> None:
    for path, text in texts().items():
        assert not re.search(r"/(?:home|root|work|tmp|Users)/", text), path
