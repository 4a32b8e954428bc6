"""A run: one recipe with one seed, and the key that stands for everything that can change its numbers."""

import ast
import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from pipeline.errors import UserError, nearest
from pipeline.params.expand import canonical
from pipeline.params.phases import Phase as RecipePhase
from pipeline.params.phases import phases_of
from pipeline.params.recipe import Recipe
from pipeline.plugins import is_plugin, locate
from pipeline.records import Phase
from pipeline.seeds import Seeds, seeds_of
from pipeline.store import read_json, root

TRAINING_CODE = ("build", "engine", "data/split.py", "data/pairs.py", "data/scale.py", "seeds.py")
LIBRARIES = ("keras", "tensorflow", "numpy")
BACKENDS = ("tensorflow", "jax")


@dataclass(frozen=True)
class Context:
    """What all runs of an ablation share: data set and its content's digest, study seed, precision."""

    dataset: str
    data_digest: str
    study_seed: int
    precision: str


@dataclass(frozen=True)
class Run:
    """One recipe, trained once with one seed; `fold` (k of n) for tuning by cross-validation."""

    recipe: Recipe
    context: Context
    phase: Phase
    seed: int
    fold: tuple[int, int] | None = None
    key: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", run_key(self))

    @cached_property
    def phases(self) -> tuple[RecipePhase, ...]:
        """The phases of this run's recipe, at least one."""
        return phases_of(self.recipe)

    @cached_property
    def seeds(self) -> Seeds:
        """The seeds of this run, by source of chance."""
        return seeds_of(self.context.study_seed, self.context.dataset, self.phase, self.seed)


def run_key(run: Run) -> str:
    """Return a hash of everything that can change the run's numbers, and of nothing else."""
    recipe = canonical(run.recipe)
    parts = {
        "recipe": recipe,
        "dataset": run.context.dataset,
        "data": run.context.data_digest,
        "seeds": vars(run.seeds),
        "phase": run.phase,
        "fold": run.fold,
        "precision": run.context.precision,
        "code": code_digest(),
        "own": own_code(recipe),
    }
    return digest(parts)


def own_code(value: object) -> dict[str, str]:
    """Return, by `module:Name`, a hash of the file of every class of the user's own that `value` (plain data) names."""
    if isinstance(value, dict):
        name = value.get("name")
        own = {name: _file_digest(name)} if isinstance(name, str) and is_plugin(name) else {}
        return own | {key: found for item in value.values() for key, found in own_code(item).items()}
    if isinstance(value, list | tuple):
        return {key: found for item in value for key, found in own_code(item).items()}
    return {}


def _file_digest(name: str) -> str:
    return digest(without_comments(locate(name, root())))


def digest(value: object) -> str:
    """Return 32 hex digits for a JSON value; the order of keys does not matter."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@lru_cache(maxsize=1)
def code_digest() -> str:
    """Return a hash of the code that trains, comments and docstrings aside, and of the libraries it trains with."""
    package = Path(__file__).parent
    sources = [without_comments(path) for path in sorted(_training_files(package))]
    backend = backend_name()
    libraries = LIBRARIES if backend == "tensorflow" else (*LIBRARIES, backend)
    return digest([*sources, *(version(library) for library in libraries)])


def backend_name() -> str:
    """Return which backend Keras will use, found as Keras finds it but without importing it.

    Backends draw other initial weights from the same seed, so it belongs to a run's key. Raises `UserError` for one that
    this pipeline does not know or that is not installed.
    """
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    config = read_json(home / "keras.json")
    written = config.get("backend") if isinstance(config, dict) else None
    name = str(os.environ.get("KERAS_BACKEND") or written or BACKENDS[0])
    if name not in BACKENDS:
        raise UserError(
            f"KERAS_BACKEND: must be {' or '.join(BACKENDS)}; got {name!r}.{nearest(name, BACKENDS)}"
        )
    if find_spec(name) is None:
        raise UserError(f"KERAS_BACKEND is {name}, which is not installed: pip install '.[{name}]'")
    return name


def _training_files(package: Path) -> Iterable[Path]:
    for name in TRAINING_CODE:
        path = package / name
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def without_comments(path: Path) -> str:
    """Return a source file's syntax as text, its comments and docstrings left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:]
    return ast.dump(tree)
