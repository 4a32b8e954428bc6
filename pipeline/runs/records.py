"""The record of a run."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple

RunKind = Literal["trial", "replicate", "shared"]
"""`shared`: the first phases of several runs, trained once for all of them."""
Outcome = Literal["finished", "diverged"]
Curves = dict[str, list[float]]


class Timing(NamedTuple):
    """The seconds that a run trained, and those of each phase; runs have equal shares of the time of their stack."""

    seconds: float
    phases: tuple[float, ...] = ()


@dataclass(frozen=True)
class EngineRecord:
    """Which engine trained a run, and the `reason` in words; its stack had `size` runs, this one at position `slot`."""

    name: Literal["fit", "fused"]
    reason: str
    size: int = 1
    slot: int = 0


@dataclass(frozen=True)
class RunRecord:
    """One finished run, as it is stored.

    `metrics` are the last epoch's (or the restored best epoch's) `loss`, `accuracy`, `val_loss`, `val_accuracy`, and
    for replicates also `test_loss` and `test_accuracy`; accuracies are fractions in 0..1. A diverged run may lack metrics
    that could not be computed; there are never NaN or infinities. `curves` has one value per epoch under the same names,
    and `learning_rate`. `best_epoch` counts from 1. `seconds` is the run's share of the time of its stack
    (0 where that is not known, of runs that came with results), `phase_seconds` the same for each phase.
    `trainable_parameters` are those of `parameters` that the last phase trains.
    """

    key: str
    recipe: dict[str, object]
    dataset: str
    seed: int
    kind: RunKind
    outcome: Outcome
    metrics: dict[str, float]
    curves: Curves
    epochs: int
    best_epoch: int
    parameters: int
    seconds: float
    engine: EngineRecord
    device: str
    environment: dict[str, str] = field(default_factory=dict)
    phase_seconds: list[float] = field(default_factory=list)
    trainable_parameters: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the record as plain data, for files and messages; `kind` is called `phase` there."""
        plain = asdict(self)
        return {"phase" if name == "kind" else name: value for name, value in plain.items()}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "RunRecord":
        """Return the record from what `as_json` returned; raises `TypeError` or `KeyError` for anything else."""
        fields = {"kind" if name == "phase" else name: value for name, value in plain.items()}
        return cls(**{**fields, "engine": EngineRecord(**plain["engine"])})


@dataclass(frozen=True)
class PlannedRates:
    """The planned learning rates of one phase: `rates[i]` at `epochs[i]` (counted from 0, in fractions).

    There are as many points as a figure can show. `kind` is the schedule's name; the rates of a plateau are those that it
    has if the loss never stops falling.
    """

    phase: str
    kind: str
    steps_per_epoch: int
    epochs: tuple[float, ...]
    rates: tuple[float, ...]

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "PlannedRates":
        """Return the rates from plain data: the fields by name."""
        phase, kind = str(raw["phase"]), str(raw["kind"])
        return cls(phase, kind, int(raw["steps_per_epoch"]), tuple(raw["epochs"]), tuple(raw["rates"]))
