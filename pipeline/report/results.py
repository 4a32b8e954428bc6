"""What the ablate stage wrote about an ablation, as typed records."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pipeline.errors import UserError
from pipeline.records import Curves, EngineRecord, Outcome, Took
from pipeline.report.observations import Observations, read_observations
from pipeline.stats.published import Kind as PublishedKind
from pipeline.store import read_json

Times = Callable[[Sequence[str]], Mapping[str, Took]]
"""From run keys to how long each run trained: runs that nobody timed are left out."""

Kind = Literal["variants", "grid", "ladder", "leave_one_out"]
FILE = "ablation.json"


@dataclass(frozen=True)
class Tuning:
    """How every variant's hyperparameters were chosen; `monitor` names the score, such as `val_accuracy`."""

    oracle: str
    trials: int
    seeds: int
    folds: int
    monitor: str
    space: Mapping[str, Any]


@dataclass(frozen=True)
class Trial:
    """One point of a search; `score` is None where the run diverged."""

    run_key: str
    values: Mapping[str, Any]
    score: float | None
    outcome: Outcome
    seconds: float | None = None


@dataclass(frozen=True)
class Replicate:
    """One measuring run. `metrics` are as the store keeps them; a diverged run may lack some.

    `seconds` it trained, a run of a stack its share, and `phase_seconds` each of its phases; None and nothing where the
    store does not have the run.
    """

    run_key: str
    seed: int
    outcome: Outcome
    metrics: Mapping[str, float]
    curves: Curves
    epochs: int
    best_epoch: int
    engine: EngineRecord
    seconds: float | None = None
    phase_seconds: tuple[float, ...] = ()


@dataclass(frozen=True)
class Published:
    """A published figure in the stored unit; `kind` says whether it is one, or a limit."""

    value: float
    kind: PublishedKind


@dataclass(frozen=True)
class Reference:
    """What was published elsewhere, by the name of the metric, rounded to `decimals` (None: to those shown)."""

    figures: Mapping[str, Published]
    decimals: int | None
    source: str
    note: str


@dataclass(frozen=True)
class Planned:
    """The planned learning rates of one phase: `rates[i]` at `epochs[i]`, counted from 0 in fractions."""

    phase: str
    kind: str
    steps_per_epoch: int
    epochs: tuple[float, ...]
    rates: tuple[float, ...]


@dataclass(frozen=True)
class Variant:
    """One variant: what it changes, what was chosen for it, and its runs.

    `changes` maps dotted recipe paths to this variant's values; `levels` maps a grid's factors to its levels; `schedule` has
    the planned learning rates, phase by phase.
    """

    name: str
    changes: Mapping[str, Any]
    recipe: Mapping[str, Any]
    levels: Mapping[str, Any]
    parameters: int
    reference: Reference | None
    chosen: Mapping[str, Any] | None
    space: Mapping[str, Any]
    trials: tuple[Trial, ...]
    replicates: tuple[Replicate, ...]
    schedule: tuple[Planned, ...] = ()

    @property
    def runs(self) -> "tuple[Trial | Replicate, ...]":
        """All runs, trials first."""
        return (*self.trials, *self.replicates)


@dataclass(frozen=True)
class Ablation:
    """One ablation with all its runs. `margin` is in percentage points for accuracy, else a loss."""

    name: str
    question: str
    kind: Kind
    baseline: str
    dataset: str
    metric: str
    margin: float
    seeds: int
    tune: Tuning | None
    variants: tuple[Variant, ...]
    environment: Mapping[str, str]
    observations: Observations = field(default_factory=Observations)

    def variant(self, name: str) -> Variant:
        """Return the variant called `name`; raises `KeyError` where there is none."""
        found = next((variant for variant in self.variants if variant.name == name), None)
        if found is None:
            raise KeyError(name)
        return found


def untimed(keys: Sequence[str]) -> Mapping[str, Took]:  # noqa: ARG001
    """Return no times: results alone say nothing of them."""
    return {}


def read(results: Path, name: str, times: Times = untimed) -> Ablation:
    """Read `<results>/<name>/ablation.json`; raises `UserError` where it is missing or malformed.

    Results hold no times, since DVC hashes them; `times` adds them from elsewhere.
    """
    path = results / name / FILE
    raw = read_json(path)
    if raw is None:
        raise UserError(f"{path} is missing or damaged. Run `python -m pipeline ablate {name}` to make it.")
    try:
        found = _timed(_ablation(raw), times)
    except (KeyError, TypeError, AttributeError) as fault:
        raise UserError(f"{path} lacks or mistypes {fault}. Run `dvc repro -f` to make it anew.") from fault
    return replace(found, observations=read_observations(path.parent))


def _ablation(raw: Mapping[str, Any]) -> Ablation:
    ablation = Ablation(
        name=raw["name"],
        question=raw.get("question") or "",
        kind=raw["kind"],
        baseline=raw["baseline"],
        dataset=raw["dataset"],
        metric=raw["metric"],
        margin=float(raw["margin"]),
        seeds=int(raw["seeds"]),
        tune=None if raw.get("tune") is None else _tuning(raw["tune"]),
        variants=tuple(_variant(variant) for variant in raw["variants"]),
        environment={key: str(value) for key, value in raw.get("environment", {}).items()},
    )
    ablation.variant(ablation.baseline)
    return ablation


def _timed(ablation: Ablation, times: Times) -> Ablation:
    """Return the ablation with the seconds of each run that are known."""
    took = times(run_keys(ablation))
    if not took:
        return ablation
    variants = (
        replace(
            variant,
            trials=tuple(
                replace(run, seconds=took[run.run_key].seconds) if run.run_key in took else run
                for run in variant.trials
            ),
            replicates=tuple(_replicate_timed(run, took.get(run.run_key)) for run in variant.replicates),
        )
        for variant in ablation.variants
    )
    return replace(ablation, variants=tuple(variants))


def _replicate_timed(run: Replicate, took: Took | None) -> Replicate:
    return run if took is None else replace(run, seconds=took.seconds, phase_seconds=took.phases)


def run_keys(ablation: Ablation) -> list[str]:
    """Return the keys of all runs, each once."""
    return list(dict.fromkeys(run.run_key for variant in ablation.variants for run in variant.runs))


def _tuning(raw: Mapping[str, Any]) -> Tuning:
    return Tuning(
        oracle=raw["oracle"],
        trials=int(raw["trials"]),
        seeds=int(raw.get("seeds") or 1),
        folds=int(raw.get("folds") or 1),
        monitor=raw["monitor"],
        space=raw.get("space") or {},
    )


def _variant(raw: Mapping[str, Any]) -> Variant:
    return Variant(
        name=raw["name"],
        changes=raw.get("changes") or {},
        recipe=raw.get("recipe") or {},
        levels=raw.get("levels") or {},
        parameters=int(raw["parameters"]),
        reference=_reference(raw.get("reference") or {}),
        chosen=raw.get("chosen"),
        space=raw.get("space") or {},
        trials=tuple(_trial(trial) for trial in raw.get("trials") or ()),
        replicates=tuple(_replicate(replicate) for replicate in raw["replicates"]),
        schedule=tuple(_planned(phase) for phase in raw.get("schedule") or ()),
    )


def _reference(raw: Mapping[str, Any]) -> Reference | None:
    figures = {
        name: found for name, value in raw.items() if (found := published_as(value)) and name != "decimals"
    }
    if not figures:
        return None
    return Reference(figures, raw.get("decimals"), raw.get("source") or "", raw.get("note") or "")


def published_as(value: object) -> Published | None:
    """Return a figure as a params file writes it, a number or `{above: number}`; None for what is none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Published(float(value), "is")
    limits: tuple[PublishedKind, ...] = ("above", "below")
    given = [kind for kind in limits if isinstance(value, dict) and value.get(kind) is not None]
    return Published(float(value[given[0]]), given[0]) if given and isinstance(value, dict) else None


def _planned(raw: Mapping[str, Any]) -> Planned:
    phase, kind = str(raw["phase"]), str(raw["kind"])
    return Planned(phase, kind, int(raw["steps_per_epoch"]), tuple(raw["epochs"]), tuple(raw["rates"]))


def _trial(raw: Mapping[str, Any]) -> Trial:
    return Trial(raw["run_key"], raw["values"], raw.get("score"), raw["outcome"])


def _replicate(raw: Mapping[str, Any]) -> Replicate:
    return Replicate(
        run_key=raw["run_key"],
        seed=int(raw["seed"]),
        outcome=raw["outcome"],
        metrics=raw.get("metrics") or {},
        curves=raw.get("curves") or {},
        epochs=int(raw["epochs"]),
        best_epoch=int(raw["best_epoch"]),
        engine=EngineRecord(**raw["engine"]),
    )
