"""Imports go downward only, without circles, and heavy libraries stay where they are needed."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
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

# From the top to the bottom: a package imports only from lower levels and from itself.
LEVELS = [
    {"__main__"},
    {"cli"},
    {"stages"},
    {"maintenance", "report", "training"},
    {"result_files"},
    {"diagnostics", "tracking"},
    {"planning"},
    {"executors", "search", "tuner"},
    {"engine"},
    {"build"},
    {"store"},
    {"runs"},
    {"params"},
    {"data"},
    {"stats"},
    {"core"},
]
LEVEL = {name: depth for depth, names in enumerate(LEVELS) for name in names}

NEVER = {
    "core": HEAVY,
    "data": HEAVY - {"pandas", "sklearn"},
    "params": HEAVY,
    "runs": HEAVY,
    "store": HEAVY,
    "planning": HEAVY,
    "result_files": HEAVY,
    "maintenance": HEAVY,
    "stats": HEAVY - {"scipy"},
    "report": {"keras", "keras_tuner", "tensorflow", "mlflow"},
    "tracking": {"keras", "keras_tuner", "tensorflow", "pandas", "seaborn"},
    "engine": {"keras_tuner", "mlflow", "pandas"},
    "build": {"mlflow", "pandas"},
    "diagnostics": {"keras_tuner", "mlflow", "pandas", "tensorflow"},
    "executors": {"keras_tuner", "mlflow", "pandas"},
    "search": {"mlflow", "pandas", "keras", "tensorflow"},
    "training": {"keras_tuner", "mlflow", "pandas"},
    "stages": HEAVY,
}
# Packages that must not know each other: results flow to the report as files, and to MLflow through the store.
APART = {
    "report": {"engine", "build", "search", "tracking", "planning", "training", "diagnostics"},
    "stats": set(LEVEL) - {"stats", "core"},
    "tracking": {"engine", "build", "search", "planning", "params", "report"},
    "engine": {"store"},
    "build": {"data", "store"},
    "executors": {"search", "tracking"},
    "tuner": {"store"},
}
APART_FILES = {
    "report/snapshot.py": HEAVY,
    "stages/report.py": HEAVY,
}


def module_files() -> list[Path]:
    written_by_init = PACKAGE / "stages" / "project"
    files = (path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")
    return sorted(path for path in files if written_by_init not in path.parents)


def package_of(path: Path) -> str:
    """Return the package that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    """Yield what a file imports anywhere, dotted, for type checkers too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(path: Path) -> set[str]:
    """Return the packages of the pipeline that a file imports from."""
    return {name.split(".")[1] for name in imported(path) if name.startswith("pipeline.")}


def modules() -> Mapping[str, Path]:
    """Return every module's file by its dotted name."""
    dotted = {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in module_files()
    }
    return {name.removesuffix(".__init__"): path for name, path in dotted.items()}


def test_every_package_has_its_level_and_no_module_stands_alone() -> None:
    assert {package_of(path) for path in module_files()} == set(LEVEL)
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py", "__main__.py"}


@pytest.mark.parametrize("path", module_files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_downward_only(path: Path) -> None:
    own, for_types = package_of(path), _imports_for_types(path)
    assert {name for name in own_imports(path) - {own} if LEVEL[name] <= LEVEL[own]} == set()
    assert own_imports(path) & APART.get(own, set()) == set()
    libraries = {name.partition(".")[0] for name in imported(path)} - for_types
    assert libraries & NEVER.get(own, set()) == set()
    assert libraries & APART_FILES.get(str(path.relative_to(PACKAGE)), set()) == set()


def _imports_for_types(path: Path) -> set[str]:
    """Return the libraries that a file imports for type checkers alone: nothing is loaded for them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    blocks = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    names = [
        alias.name if isinstance(node, ast.Import) else str(node.module)
        for block in blocks
        for node in block.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    ]
    return {name.partition(".")[0] for name in names}


def test_no_module_imports_itself_by_a_detour() -> None:
    known = modules()
    graph = {}
    for name, path in known.items():
        targets = set(imported(path))
        graph[name] = {target if target in known else target.rpartition(".")[0] for target in targets} & set(
            known
        ) - {name}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' <- '.join(error.args[1])}")


def test_subpackages_of_params_go_downward_only() -> None:
    order = ["types", "checks", "expansion"]
    for path in (PACKAGE / "params").rglob("*.py"):
        own = path.relative_to(PACKAGE / "params").parts[0]
        used = {name.split(".")[2] for name in imported(path) if name.startswith("pipeline.params.")}
        if own in order:
            assert not used & set(order[order.index(own) + 1 :]), path
        if own == "keras_names":
            assert not used & set(order), path


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
    assert "pipeline.cli.commands" in loaded
    assert {name.partition(".")[0] for name in loaded} & HEAVY == set()


def test_an_ablation_that_is_up_to_date_does_not_import_scipy() -> None:
    """`dvc repro` starts a process for each ablation, and scipy takes a quarter of a second to import."""
    script = "import sys, pipeline.stages.ablate; sys.exit('scipy' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)
