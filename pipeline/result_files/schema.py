"""The format of `results/<ablation>/ablation.json`: typed records, written as plain data and read by the report.

Results have no times, since DVC hashes them: `seconds` are added when reading, if the store has them.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pipeline.core.metrics import ACCURACY, LOSS, Metric, Task, plain_name
from pipeline.params.types.kinds import AblationKind
from pipeline.result_files.diagnostics import Diagnostics
from pipeline.runs.records import Curves, EngineRecord, Outcome, PlannedRates
from pipeline.stats.published_value import Published

KNOWN = {metric.name: metric for metric in (LOSS, ACCURACY)}
"""The metrics of results that name none."""
SEVERAL = "; "
"""Between the values of one kind in an ablation's environment, as between two processors."""


@dataclass(frozen=True)
class Tuning:
    """How every variant's hyperparameters were chosen; `monitor` names the score, such as `val_accuracy`.

    `space` is `hp` where the ranges are those that the models' functions declare.
    """

    oracle: str
    trials: int
    seeds: int
    folds: int
    monitor: str
    space: Mapping[str, Any] | str
    stop: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the tuning as plain data; one fold, which means no cross-validation, is None."""
        plain = {**vars(self), "folds": self.folds if self.folds > 1 else None}
        return plain if self.stop else _without(plain, "stop")

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Tuning":
        """Return the tuning from what `as_json` returned."""
        return cls(
            oracle=raw["oracle"],
            trials=int(raw["trials"]),
            seeds=int(raw.get("seeds") or 1),
            folds=int(raw.get("folds") or 1),
            monitor=raw["monitor"],
            space=raw.get("space") or {},
            stop=raw.get("stop"),
        )


@dataclass(frozen=True)
class Trial:
    """One point of a search; `score` is None where the run diverged.

    A trial that was `stopped` early did so after `epochs`, and its score is how it stood then, not to be compared.
    `search` counts the searches of a variant whose replicates have one each.
    """

    run_key: str
    values: Mapping[str, Any]
    score: float | None
    outcome: Outcome | Literal["stopped"]
    seconds: float | None = None
    epochs: int | None = None
    search: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the trial as plain data."""
        return _without(
            vars(self), "seconds", *(key for key in ("epochs", "search") if not getattr(self, key))
        )

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Trial":
        """Return the trial from what `as_json` returned."""
        more = {key: raw[key] for key in ("epochs", "search") if raw.get(key)}
        return cls(raw["run_key"], raw["values"], raw.get("score"), raw["outcome"], **more)


@dataclass(frozen=True)
class Replicate:
    """One run that was made to measure. `metrics` are those of its `RunRecord`; a diverged run may lack some.

    `seconds` is the run's share of the time of its stack, `phase_seconds` the same for each phase; None and empty if the
    store does not have the run. `chosen` are its hyperparameters where each replicate has a search of its own.
    """

    run_key: str
    seed: int
    outcome: Outcome
    metrics: Mapping[str, float]
    epochs: int
    best_epoch: int
    engine: EngineRecord
    curves: Curves
    seconds: float | None = None
    phase_seconds: tuple[float, ...] = ()
    chosen: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the replicate as plain data."""
        hidden = ["seconds", "phase_seconds", *([] if self.chosen else ["chosen"])]
        return {**_without(vars(self), *hidden), "engine": vars(self.engine)}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Replicate":
        """Return the replicate from what `as_json` returned."""
        return cls(
            run_key=raw["run_key"],
            seed=int(raw["seed"]),
            outcome=raw["outcome"],
            metrics=raw.get("metrics") or {},
            epochs=int(raw["epochs"]),
            best_epoch=int(raw["best_epoch"]),
            engine=EngineRecord(**raw["engine"]),
            curves=raw.get("curves") or {},
            chosen=raw.get("chosen") or {},
        )


@dataclass(frozen=True)
class Replication:
    """What differs between replicates: their seed, or what they are `over`, `count` times, with `seeds` runs each.

    `overlap`: how far they depend on each other, rows tested over rows trained, since they share rows that train.
    `test` is the part of rows that each tests, `k` the number of folds.
    """

    over: str = "seeds"
    count: int = 0
    seeds: int = 1
    overlap: float = 0.0
    test: float | None = None
    k: int | None = None

    @property
    def is_plain(self) -> bool:
        """Whether replicates differ by their seed alone."""
        return self.over == "seeds"

    def part_of(self, seed: int) -> int:
        """Return which replicate the run with a seed belongs to."""
        return seed // self.seeds


@dataclass(frozen=True)
class Data:
    """How many examples a data set has to train and to test, how many of the former the baseline holds out for validation,
    and the digest of its content.
    """

    train: int
    validation: int
    test: int
    digest: str


@dataclass(frozen=True)
class Reference:
    """Published values by name: of a metric, or of something else that results hold."""

    values: Mapping[str, Published]
    source: str
    note: str

    def as_json(self) -> dict[str, Any]:
        """Return the reference as a params file writes it."""
        values = {name: published.as_json() for name, published in self.values.items()}
        about = {"source": self.source, "note": self.note}
        return {**values, **{name: value for name, value in about.items() if value}}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Reference | None":
        """Return the reference as a params file writes it; None if it has no value."""
        values = {
            name: published
            for name, value in raw.items()
            if name != "decimals" and (published := Published.from_json(value, raw.get("decimals")))
        }
        return cls(values, raw.get("source") or "", raw.get("note") or "") if values else None


@dataclass(frozen=True)
class Layer:
    """A layer of a model, as `model.summary()` shows it; the names of layers within a model have that of the model first."""

    name: str
    class_name: str
    output_shape: str
    parameters: int
    trainable: bool


@dataclass(frozen=True)
class Model:
    """A model that `variants` have: its layers, and the names of those that were `removed` from it, with what that saved.

    `merged` are merges whose inputs had become one and the same, `unused` layers on which nothing depends any more.
    """

    variants: tuple[str, ...]
    layers: tuple[Layer, ...]
    removed: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    saved: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the model as plain data."""
        names = {key: list(getattr(self, key)) for key in ("variants", "removed", "merged", "unused")}
        return {**names, "saved": self.saved, "layers": [vars(layer) for layer in self.layers]}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Model":
        """Return the model from what `as_json` returned."""
        names = {key: tuple(raw[key]) for key in ("variants", "removed", "merged", "unused")}
        return cls(layers=tuple(Layer(**layer) for layer in raw["layers"]), saved=int(raw["saved"]), **names)


@dataclass(frozen=True)
class Variant:
    """One variant: what it changes, the hyperparameters chosen for it, and its runs.

    `changes` maps dotted recipe paths to this variant's values; `recipe` is complete, with the `chosen` values (without any
    where each replicate has its own); `levels` maps the factors of a grid to this variant's levels; `space` is what was
    searched; `schedule` has the planned learning rates of each phase. `trainable_parameters` are those of `parameters` that
    the last phase trains; None if not recorded.
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
    schedule: tuple[PlannedRates, ...] = ()
    trainable_parameters: int | None = None

    @property
    def runs(self) -> tuple[Trial | Replicate, ...]:
        """All runs, trials first."""
        return (*self.trials, *self.replicates)

    def as_json(self) -> dict[str, Any]:
        """Return the variant as plain data."""
        return {
            **vars(self),
            "reference": self.reference.as_json() if self.reference else None,
            "schedule": [vars(phase) for phase in self.schedule],
            "trials": [trial.as_json() for trial in self.trials],
            "replicates": [replicate.as_json() for replicate in self.replicates],
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Variant":
        """Return the variant from what `as_json` returned."""
        return cls(
            name=raw["name"],
            changes=raw.get("changes") or {},
            recipe=raw.get("recipe") or {},
            levels=raw.get("levels") or {},
            parameters=int(raw["parameters"]),
            reference=Reference.from_json(raw.get("reference") or {}),
            chosen=raw.get("chosen"),
            space=raw.get("space") or {},
            trials=tuple(map(Trial.from_json, raw.get("trials") or ())),
            replicates=tuple(map(Replicate.from_json, raw["replicates"])),
            schedule=tuple(map(PlannedRates.from_json, raw.get("schedule") or ())),
            trainable_parameters=raw.get("trainable_parameters"),
        )


@dataclass(frozen=True)
class Family:
    """Variants that were declared together: the `looks` of each of their plans, and after how many seeds one was `changed`.

    `gone` is how many more were declared and then removed. `study` counts the studies of the ablation, each on seeds of
    its own.
    """

    members: tuple[str, ...]
    looks: tuple[tuple[int, ...], ...]
    changed: tuple[int, ...] = ()
    gone: int = 0
    study: int = 1

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Family":
        """Return the family from plain data."""
        looks = tuple(tuple(map(int, plan)) for plan in raw["looks"])
        changed = tuple(map(int, raw["changed"]))
        return cls(tuple(raw["members"]), looks, changed, int(raw["gone"]), int(raw["study"]))


@dataclass(frozen=True)
class Ablation:
    """One ablation with all its runs.

    `dataset` is what people call its data set, `dataset_name` the name of its folder where that is another.
    `metric` is the name of the one by which variants are compared, one of `metrics`; differences within `margin` count as
    practically equal: percentage points for fractions, else in the metric's own unit, or where `relative` a part of the
    baseline's mean; 0: nothing counts as equal. `environment` holds versions of libraries and what trained the
    replicates, by name, several values with `SEVERAL` between them. `target` is the value of a metric whose epoch is
    compared, if any. `task` is what models predict. `models` are those of the variants, and `same_models` the names of
    variants whose models are the same although they should differ. `wanted` is the number of seeds that the study asks for,
    where its budget allowed fewer `seeds`. `families` say which variants were declared together and when they were looked
    at; there are none where it was once, at all. `new_margin` is a margin that was declared after a look. `replication`:
    what differs between replicates. `data`: the sizes of the data set's parts.
    """

    name: str
    question: str
    kind: AblationKind
    baseline: str
    dataset: str
    metric: str
    margin: float
    seeds: int
    tune: Tuning | None
    variants: tuple[Variant, ...]
    environment: Mapping[str, str]
    target: Mapping[str, float] = field(default_factory=dict)
    relative: bool = False
    metrics: Mapping[str, Metric] = field(default_factory=lambda: KNOWN)
    task: Task = "classes"
    dataset_name: str = ""
    models: tuple[Model, ...] = ()
    same_models: tuple[tuple[str, ...], ...] = ()
    wanted: int = 0
    families: tuple[Family, ...] = ()
    new_margin: float | None = None
    replication: Replication = Replication()
    data: Data | None = None
    diagnostics: Diagnostics = field(default_factory=Diagnostics)

    def measured(self, name: str) -> Metric:
        """Return the metric of a name, be it measured on training, validation or test data: `val_loss`."""
        plain = plain_name(name)
        return self.metrics.get(plain) or Metric(plain, higher_is_better=True)

    def variant(self, name: str) -> Variant:
        """Return the variant called `name`; raises `KeyError` if there is none."""
        for variant in self.variants:
            if variant.name == name:
                return variant
        raise KeyError(name)

    def run_keys(self) -> list[str]:
        """Return the keys of all runs, each once."""
        return list(dict.fromkeys(run.run_key for variant in self.variants for run in variant.runs))

    def as_json(self) -> dict[str, Any]:
        """Return the ablation as plain data, without its diagnostics, which have their own file."""
        plain = {
            **vars(self),
            "families": [asdict(family) for family in self.families],
            "replication": asdict(self.replication),
            "data": self.data and asdict(self.data),
            "models": [model.as_json() for model in self.models],
            "same_models": [list(names) for names in self.same_models],
            "metrics": [vars(metric) for metric in self.metrics.values()],
            "tune": self.tune.as_json() if self.tune else None,
            "variants": [variant.as_json() for variant in self.variants],
        }
        return _without(plain, "diagnostics", *self._unsaid())

    def _unsaid(self) -> list[str]:
        """Return the names of fields that say nothing here."""
        silent = {
            "wanted": self.wanted <= self.seeds,
            "families": not self.families,
            "new_margin": self.new_margin is None,
            "replication": self.replication.is_plain,
            "data": self.data is None,
        }
        return [name for name, nothing in silent.items() if nothing]

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Ablation":
        """Return the ablation from what `as_json` returned; raises `KeyError` or `TypeError` for anything else."""
        ablation = cls(
            name=raw["name"],
            question=raw.get("question") or "",
            kind=raw["kind"],
            baseline=raw["baseline"],
            dataset=raw["dataset"],
            metric=raw["metric"],
            margin=float(raw["margin"]),
            seeds=int(raw["seeds"]),
            tune=None if raw.get("tune") is None else Tuning.from_json(raw["tune"]),
            variants=tuple(map(Variant.from_json, raw["variants"])),
            environment={key: str(value) for key, value in raw.get("environment", {}).items()},
            target=raw.get("target") or {},
            relative=bool(raw.get("relative")),
            metrics={metric["name"]: Metric(**metric) for metric in raw.get("metrics") or ()} or KNOWN,
            task=raw.get("task") or "classes",
            dataset_name=raw.get("dataset_name") or "",
            models=tuple(map(Model.from_json, raw.get("models") or ())),
            same_models=tuple(tuple(names) for names in raw.get("same_models") or ()),
            wanted=int(raw.get("wanted") or raw["seeds"]),
            families=tuple(map(Family.from_json, raw.get("families") or ())),
            new_margin=raw.get("new_margin"),
            replication=Replication(**raw.get("replication") or {}),
            data=Data(**raw["data"]) if raw.get("data") else None,
        )
        ablation.variant(ablation.baseline)
        return ablation


def _without(plain: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in plain.items() if name not in names}
