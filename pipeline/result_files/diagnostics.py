"""The format of `results/<ablation>/evaluation.json`: the outcomes of diagnostics, as typed records."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import UserError
from pipeline.core.files import read_json

FILE = "evaluation.json"
REPLICATED = ("signals", "propagation", "training_set", "uncertainty")
"""The kinds of diagnostics with an outcome for each replicate."""

Outcome = Mapping[str, Any]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class VariantOutcomes:
    """One variant's outcomes of one kind of diagnostic: one per replicate, in the order of their seeds."""

    variant: str
    replicates: tuple[Outcome, ...]

    def stacked(self, *path: str) -> Floats | None:
        """Return the values at `path` in the replicates that have them, `[replicates, ...]`; None if none has.

        Values that were not finite are NaN.

        Example:
            >>> outcomes.stacked("trained", "gradient").mean(axis=0)
        """
        values = [_value_at(replicate, path) for replicate in self.replicates]
        present = [value for value in values if value is not None]
        return np.array(present, dtype=np.float64) if present else None


@dataclass(frozen=True)
class Diagnostics:
    """The outcomes of an ablation's diagnostics, by kind; empty where the study asks for none.

    `functions` are activation functions with the variants that use them; `finder` are range tests of learning rates, one
    per variant; `predictions` are those of one model, in a ladder followed by those of the other rungs.
    """

    signals: tuple[VariantOutcomes, ...] = ()
    propagation: tuple[VariantOutcomes, ...] = ()
    training_set: tuple[VariantOutcomes, ...] = ()
    uncertainty: tuple[VariantOutcomes, ...] = ()
    functions: tuple[Outcome, ...] = ()
    finder: tuple[Outcome, ...] = ()
    predictions: tuple[Outcome, ...] = ()


def read_diagnostics(folder: Path) -> Diagnostics:
    """Read `<folder>/evaluation.json` if it exists; raises `UserError` if it is malformed."""
    path = folder / FILE
    if not path.exists():
        return Diagnostics()
    raw: Any = read_json(path)
    try:
        return Diagnostics(
            **{kind: _replicated(raw.get(kind, ())) for kind in REPLICATED},
            functions=tuple(raw.get("functions", ())),
            finder=tuple(raw.get("finder", ())),
            predictions=tuple(raw.get("predictions", ())),
        )
    except (KeyError, TypeError, AttributeError) as fault:
        raise UserError(f"{path} is damaged ({fault}). Run `dvc repro -f` to make it again.") from fault


def _replicated(raw: Any) -> tuple[VariantOutcomes, ...]:
    return tuple(VariantOutcomes(entry["variant"], tuple(entry["replicates"])) for entry in raw)


def _value_at(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = None if value is None else value.get(key)
    return value
