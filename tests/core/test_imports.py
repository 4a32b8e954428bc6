"""Imports go downward only, and heavy libraries stay where they are needed."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import pipeline

PACKAGE = Path(pipeline.__file__).parent
HEAVY = {
    "tensorflow",
    "keras",
    "keras_tuner",
    "mlflow",
    "pandas",
    "seaborn",
    "matplotlib",
    "sklearn",
    "scipy",
    "ray",
}

# From the top to the bottom: a module imports only what stands lower, or belongs to its own package.
LEVELS = [
    {"__main__"},
    {"cli"},
    {"ablate", "redraw", "show", "track", "upkeep_commands"},
    {"runner", "tables", "report"},
    {"editions", "following", "manifests", "models", "publish", "plan", "settings", "upkeep"},
    {"upkeep_looks"},
    {"probes"},
    {"survey"},
    {"executors", "search", "timetable", "tracking", "tuner", "workload"},
    {"engine"},
    {"build"},
    {"runs"},
    {"params"},
    {"data"},
    {"journal", "seeds", "plugins", "progress", "quiet", "stats"},
    {"store"},
    {"records", "errors"},
]
LEVEL = {name: depth for depth, names in enumerate(LEVELS) for name in names}

NEVER = {
    "stats": HEAVY - {"scipy"},
    "redraw": HEAVY,
    "editions": HEAVY,
    "journal": HEAVY,
    "report": {"keras", "keras_tuner", "tensorflow", "mlflow"},
    "tracking": {"keras", "keras_tuner", "tensorflow", "pandas", "seaborn"},
    "params": HEAVY,
    "data": HEAVY - {"sklearn"},
    "runs": HEAVY,
    "survey": HEAVY,
    "plan": HEAVY,
    "publish": HEAVY,
    "store": HEAVY,
    "upkeep": HEAVY,
    "upkeep_looks": HEAVY,
    "engine": {"keras_tuner", "mlflow", "pandas"},
    "build": {"keras_tuner", "mlflow", "pandas"},
    "probes": {"keras_tuner", "mlflow", "pandas", "tensorflow"},
    "executors": {"keras_tuner", "mlflow", "pandas"},
    "search": {"mlflow", "pandas", "keras", "tensorflow"},
}
# What only one thing may know of: results flow to the report as files, to MLflow through the store.
APART = {
    "report": {"engine", "build", "search", "runs", "tracking", "survey", "runner", "probes"},
    "stats": set(LEVEL) - {"stats", "errors"},
    "tracking": {"engine", "build", "search", "survey", "runs", "report"},
    "engine": {"store", "search", "tracking", "report", "survey"},
    "build": {"engine", "search", "tracking", "data"},
    "executors": {"search", "tracking", "report", "survey"},
    "tuner": {"store", "runs", "tracking", "report"},
}


def module_files() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def part(path: Path) -> str:
    """Return the part of the pipeline that a file belongs to: its folder, or the module itself."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    """Yield what a file imports anywhere, dotted, but for type checkers."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {id(inner) for node in ast.walk(tree) if _is_for_types(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield node.module or ""
            if node.module == "pipeline":
                yield from (f"pipeline.{alias.name}" for alias in node.names)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def ours(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imported(path) if name.startswith("pipeline.")}


def test_every_part_has_its_level() -> None:
    assert {part(path) for path in module_files()} == set(LEVEL)


@pytest.mark.parametrize("path", module_files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_downward_only(path: Path) -> None:
    own = part(path)
    assert {name for name in ours(path) - {own} if LEVEL[name] <= LEVEL[own]} == set()
    assert ours(path) & APART.get(own, set()) == set()
    assert {name.partition(".")[0] for name in imported(path)} & NEVER.get(own, set()) == set()


@pytest.mark.parametrize("command", [["check"], ["plan"], ["--help"]], ids=lambda command: command[0])
def test_commands_that_train_nothing_import_nothing_heavy(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(
        "base: {model: {layers: [4]}, optimizer: sgd, training: {epochs: 1}}\n"
        "ablations: {one: {question: Which?, variants: {plain: {}}}}\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "pipeline", *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "|" in line}
    assert "pipeline.cli" in loaded
    assert {name.partition(".")[0] for name in loaded} & HEAVY == set()
