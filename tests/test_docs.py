"""What the documents say can be done: examples are valid, links and files exist, commands and targets exist."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

import pipeline
from pipeline.cli.commands import main
from pipeline.data import user_dataset
from pipeline.params.expansion.expand import expand
from pipeline.params.load import load, parse
from pipeline.params.yaml_file import parse as parse_text
from pipeline.planning.plan import plan
from pipeline.store import Store

ROOT = Path(__file__).parents[1]
PACKAGE = Path(pipeline.__file__).parent
WRITTEN = [path for path in (ROOT / "docs").rglob("*.md") if not {"_made", "_site"} & set(path.parts)]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *WRITTEN, PACKAGE / "cli" / "guide.md"])
EXAMPLE = re.compile(r"^```yaml (study|ablation)\n(.*?)^```", re.DOTALL | re.MULTILINE)
MODULE = re.compile(r"^```python (\w+\.py)\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^()\s]+)\)|src=\"([^\"]+)\"")
FILE = re.compile(r"`([\w/]+/\w+\.(?:py|md|yaml))`")
COMMAND = re.compile(r"(?:keras-ablation|python -m pipeline) ([a-z]\w*)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
PICTURE_BYTES = 250_000
LONGEST_LINE = 120


def texts() -> dict[Path, str]:
    return {path: path.read_text(encoding="utf-8") for path in DOCUMENTS}


def examples() -> list[Any]:
    return [
        pytest.param(*example.groups(), id=f"{path.relative_to(ROOT)}:{number}")
        for path, text in texts().items()
        for number, example in enumerate(EXAMPLE.finditer(text), start=1)
    ]


def plain(text: str) -> Any:
    value, faults = parse_text(text)
    assert faults == []
    return value


def anchor(heading: str) -> str:
    """Return the anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_the_readme_counts_what_the_default_study_requires(tmp_path: Path) -> None:
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    (counts,) = re.findall(
        r"(\d+) ablations with (\d+) variants, at most (\d+) trainings, (\d+) of them before the first look",
        text,
    )
    needs = plan(load(ROOT / "params.yaml"), Store(tmp_path / ".runs"), tmp_path)
    variants = sum(len(ablation.variants) for ablation in needs.ablations)
    assert [int(count) for count in counts] == [len(needs.ablations), variants, needs.most, needs.to_train]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with every module that the documents show."""
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
    shown = " ".join(text for _, text in EXAMPLE.findall("\n".join(texts().values())))
    for key in ("variants:", "grid:", "ladder:", "leave_one_out:", "tune:", "phases:"):
        assert key in shown


def test_the_data_set_that_is_shown_can_be_fetched(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(project)
    folder = user_dataset.fetch("my_data:stripes", project)
    sys.modules.pop("my_data")
    assert (folder / "meta.json").exists()


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:Skipping variable loading for optimizer"
)  # Keras Tuner's own `load_model`
def test_the_search_that_is_shown_finds_a_model(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    script = runpy.run_path("search_digits.py")
    _, accuracy = script["best"].evaluate(script["images"] / 16, script["labels"], verbose=0)
    assert accuracy > 0.9


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_somewhere(path: Path) -> None:
    targets = ["".join(groups) for groups in LINK.findall(path.read_text(encoding="utf-8"))]
    assert [target for target in targets if "://" not in target and not leads(path, target)] == []


def leads(path: Path, target: str) -> bool:
    """Tell whether a link from a document leads to a file, and to a heading where it names one."""
    file, _, section = unquote(target).partition("#")
    linked = path.parent / file if file else path
    if not section or not linked.exists():
        return linked.exists()
    return section in map(anchor, HEADING.findall(linked.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_are_named_exist(path: Path) -> None:
    if path.name == "CHANGELOG.md":  # it names files that there were
        return
    named = FILE.findall(path.read_text(encoding="utf-8"))
    placeholders = {"mine/data.py", "studies/mine/params.yaml"}
    known = [ROOT, PACKAGE, path.parent]
    assert [
        name for name in named if name not in placeholders and not any((at / name).exists() for at in known)
    ] == []


def test_the_tree_that_is_shown_has_every_package() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    _, _, tree = text.partition("```\n")
    shown = set(re.findall(r"^ +(\w+)/", tree.partition("```")[0], re.MULTILINE))
    folders = {
        folder for folder in PACKAGE.rglob("*") if folder.is_dir() and "__pycache__" not in folder.parts
    }
    assert shown == {folder.name for folder in folders}
    levels = text.partition("## The import levels")[2].partition("## ")[0]
    rows = re.findall(r"^\| \d+ \| (.*) \|$", levels, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named == {folder.name for folder in folders if folder.parent == PACKAGE} | {"__main__"}


def test_the_job_for_slurm_starts_ray_on_all_nodes(tmp_path: Path) -> None:
    """With programs in the place of Slurm's, which say what they were called with."""
    stubs = {"scontrol": "echo node7; echo node8", "srun": 'echo "$@"'}
    for name, command in stubs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{command}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/activate").touch()
    slurm = {"SLURM_JOB_NODELIST": "node[7-8]", "SLURM_NNODES": "2", "SLURM_CPUS_PER_TASK": "16"}
    job = ROOT / "docs" / "study.sbatch"
    path = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", job], cwd=tmp_path, env=slurm | path, capture_output=True, text=True, check=True
    )
    ray = "ray symmetric-run --address node7:6379 --min-nodes 2 --num-cpus 16"
    assert done.stdout == f"{ray} -- keras-ablation run\n"


def test_every_make_target_exists() -> None:
    defined = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    named = {
        name
        for text in texts().values()
        for name in re.findall(r"(?:`|^)make (?:\w+=\S+ )?([\w-]+)", text, re.MULTILINE)
    }
    assert {"repro", "test", "test-fast", "env", "check", "ui"} <= named <= set(defined)


def test_every_command_exists(capsys: pytest.CaptureFixture[str]) -> None:
    named = {name for text in texts().values() for name in COMMAND.findall(text)}
    assert {"check", "plan", "ui", "store", "serve"} <= named
    for name in sorted(named):
        with pytest.raises(SystemExit) as left:
            main([name, "--help"])
        assert left.value.code == 0
        assert f" {name} " in capsys.readouterr().out


def test_every_stage_exists() -> None:
    stages = set(plain((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"])
    for text in texts().values():
        for line in re.findall(r"dvc repro ([^\n`]*)", text):
            words = line.partition("#")[0].split()
            assert {word for word in words if re.fullmatch("[a-z]+", word)} <= stages, line


def test_lines_are_short() -> None:
    for path, text in texts().items():
        prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
        long = [line for line in prose.splitlines() if len(line) > LONGEST_LINE and not line.startswith("|")]
        assert long == [], path


def test_pictures_are_small() -> None:
    sizes = {path.name: path.stat().st_size for path in (ROOT / "docs" / "images").iterdir()}
    assert sizes
    assert [name for name, size in sizes.items() if size > PICTURE_BYTES] == []


def test_documents_name_no_machine() -> None:
    for path, text in texts().items():
        assert not re.search(r"/(?:home|root|work|tmp|Users)/", text), path
