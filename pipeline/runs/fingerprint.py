"""The run key: a hash of everything that can change a run's numbers, and of nothing else."""

import ast
import os
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pipeline
from pipeline.core.digests import digest, source_digest, without_docstrings
from pipeline.core.errors import UserError, nearest
from pipeline.core.files import read_json
from pipeline.core.plugins import is_plugin, own_files
from pipeline.core.project import root
from pipeline.data.catalogue import CATALOGUE
from pipeline.params.expansion.resolve import canonical
from pipeline.params.types.phases import Phase
from pipeline.params.types.recipe import Recipe
from pipeline.runs.records import RunKind
from pipeline.runs.resample import Resample
from pipeline.runs.seeds import Seeds

TRAINING_CODE = (
    "build",
    "engine",
    "core/metrics.py",
    "data/split.py",
    "data/resampling.py",
    "data/pairs.py",
    "data/scale.py",
    "data/table.py",
    "params/types/tasks.py",
    "runs/seeds.py",
)
"""The files and folders of this package that can change a run's numbers."""
LIBRARIES = ("keras", "tensorflow", "numpy")
BACKENDS = ("tensorflow", "jax")
NAMED_BY = ("name", "build")
"""The keys whose values may name the user's own code."""


def run_key(
    recipe: Recipe,
    *,
    dataset: str,
    data_digest: str,
    precision: str,
    kind: RunKind,
    seeds: Seeds,
    fold: tuple[int, int] | None,
    phases: Sequence[Phase] | None = None,
    epochs: int | None = None,
    resample: Resample | None = None,
) -> str:
    """Return the key of a run: 32 hex digits that change with everything that can change its numbers.

    `data_digest` is that of the data set's content; `fold` is (k, n) for fold k of n. `phases`: those that are trained,
    where they are not all of the recipe's; nothing else of it counts then. `epochs`: those of the last phase that are
    trained, where they are not all. `resample`: which rows are tested, where that is not the data set's own part. Raises
    `UserError` as `backend_name` does.
    """
    plain_recipe, own = _plain_recipe(recipe) if phases is None else _with_own_code(_plain_phases(phases))
    parts: dict[str, Any] = {
        "recipe": plain_recipe,
        "dataset": dataset,
        "data": data_digest,
        "seeds": vars(seeds),
        "phase": kind,
        "fold": fold,
        "precision": precision,
        "code": code_digest(),
        "own": own,
    }
    if epochs is not None:
        parts["epochs"] = epochs
    if resample is not None:
        parts["resample"] = vars(resample)
    if dataset not in CATALOGUE:  # whose rows are split by groups and classes, and whose columns are encoded
        parts["scikit-learn"] = version("scikit-learn")
    return digest(parts)


_last: tuple[Recipe, Any, dict[str, str]] | None = None
"""What `_plain_recipe` returned last: the runs of a variant, which differ by their seed, are asked for one after another."""


def _plain_recipe(recipe: Recipe) -> tuple[Any, dict[str, str]]:
    """Return a recipe as plain data, and the code of one's own that it names."""
    global _last  # noqa: PLW0603
    last = _last
    if last is None or last[0] is not recipe:
        last = _last = (recipe, *_with_own_code(canonical(recipe)))
    return last[1:]


def _with_own_code(plain: Any) -> tuple[Any, dict[str, str]]:
    return plain, own_code(plain)


def _plain_phases(phases: Sequence[Phase]) -> list[Any]:
    """Return what decides the outcome of phases: not their names, nor what the first would reuse."""
    plain = [[canonical(phase.recipe), phase.settings] for phase in phases]
    plain[0][1].pop("reuse")
    return plain


def own_code(value: object) -> dict[str, str]:
    """Return, by `module:Name`, a hash of the code of each of the user's own functions and classes that plain data name.

    Modules of the project that their files import count too.
    """
    if isinstance(value, dict):
        names = [value.get(key) for key in NAMED_BY]
        own = {name: _code_of(name) for name in names if isinstance(name, str) and is_plugin(name)}
        return own | {key: code for item in value.values() for key, code in own_code(item).items()}
    if isinstance(value, list | tuple):
        return {key: code for item in value for key, code in own_code(item).items()}
    return {}


@lru_cache(maxsize=1)
def code_digest() -> str:
    """Return a hash of the code that trains and of the libraries it trains with."""
    backend = backend_name()
    libraries = LIBRARIES if backend == "tensorflow" else (*LIBRARIES, backend)
    return digest([package_digest(TRAINING_CODE), *(version(library) for library in libraries)])


@cache
def part_digest(part: str) -> str:
    """Return a digest of one folder of this package, such as `search`, computed once in a process."""
    return package_digest((part,))


def package_digest(parts: tuple[str, ...]) -> str:
    """Return a digest of files and folders of this package, by relative path; see `pipeline.core.digests.source_digest`."""
    package = Path(pipeline.__file__).parent
    return source_digest(package / part for part in parts)


def backend_name() -> str:
    """Return which backend Keras will use, read as Keras reads it but without importing it.

    Backends draw different initial weights from the same seed, so the backend is part of a run's key. Raises `UserError`
    for a backend that this pipeline does not support or that is not installed.
    """
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    config = read_json(home / "keras.json")
    configured = config.get("backend") if isinstance(config, dict) else None
    name = str(os.environ.get("KERAS_BACKEND") or configured or BACKENDS[0])
    if name not in BACKENDS:
        raise UserError(
            f"KERAS_BACKEND: must be {' or '.join(BACKENDS)}; got {name!r}.{nearest(name, BACKENDS)}"
        )
    if find_spec(name) is None:
        raise UserError(f"KERAS_BACKEND is {name}, which is not installed: pip install '.[{name}]'")
    return name


def _code_of(name: str) -> str:
    return digest([_syntax(file.read_text(encoding="utf-8")) for file in own_files(name, root())])


@cache  # by content: every run has a key, and most are of the same few files
def _syntax(source: str) -> str:
    return ast.dump(without_docstrings(ast.parse(source)))
