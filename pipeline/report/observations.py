"""What the ablate stage wrote about models besides their scores (see `pipeline.probes.results`), as typed records."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.store import read_json

FILE = "evaluation.json"

Look = Mapping[str, Any]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Looks:
    """One variant's looks of one kind, one for each replicate, in the order of their seeds."""

    variant: str
    replicates: tuple[Look, ...]

    def stacked(self, *path: str) -> Floats | None:
        """Return what lies at `path` in every replicate that has it, `[replicates, ...]`, NaN for what was not finite."""
        found = [_at(replicate, path) for replicate in self.replicates]
        present = [each for each in found if each is not None]
        return np.array(present, dtype=np.float64) if present else None


@dataclass(frozen=True)
class Observations:
    """All looks at an ablation's models, by kind; empty where none were asked for.

    `functions` are activation functions with the variants that use them, `finder` range tests of learning rates, one a
    variant; `predictions` are those of one model.
    """

    signals: tuple[Looks, ...] = ()
    propagation: tuple[Looks, ...] = ()
    uncertainty: tuple[Looks, ...] = ()
    functions: tuple[Look, ...] = ()
    finder: tuple[Look, ...] = ()
    predictions: Look | None = None


def read_observations(folder: Path) -> Observations:
    """Read `<folder>/evaluation.json`, if it is there; raises `UserError` where it is malformed."""
    path = folder / FILE
    if not path.exists():
        return Observations()
    raw = read_json(path)
    try:
        return _observations(raw)
    except (KeyError, TypeError, AttributeError) as fault:
        raise UserError(f"{path} is damaged ({fault}). Run `dvc repro -f` to make it anew.") from fault


def _observations(raw: Any) -> Observations:
    return Observations(
        signals=_replicated(raw.get("signals", ())),
        propagation=_replicated(raw.get("propagation", ())),
        uncertainty=_replicated(raw.get("uncertainty", ())),
        functions=tuple(raw.get("functions", ())),
        finder=tuple(raw.get("finder", ())),
        predictions=next(iter(raw.get("predictions", ())), None),
    )


def _replicated(raw: Any) -> tuple[Looks, ...]:
    return tuple(Looks(each["variant"], tuple(each["replicates"])) for each in raw)


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = None if value is None else value.get(key)
    return value
