"""The metrics of a recipe, Keras's and the user's own, and what a task has by default."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from pipeline.core.metrics import LOSS, Metric, Task
from pipeline.core.plugins import is_plugin
from pipeline.params.faults import FaultsError, fault_at, invalid, show
from pipeline.params.keras_names.catalogue import fold, snake_case
from pipeline.params.keras_names.named import Named, read_named
from pipeline.params.spec import at_most, defined_as

LOWER = ("Error", "Crossentropy", "Hinge", "Poisson", "KLDivergence", "FalseNegatives", "FalsePositives")
"""The ends of the names of Keras's metrics of which lower is better."""
FRACTIONS = (
    *("Accuracy", "AUC", "IoU", "Score", "Precision", "Recall"),
    *("PrecisionAtRecall", "RecallAtPrecision", "SensitivityAtSpecificity", "SpecificityAtSensitivity"),
)
"""The ends of the names of Keras's metrics that lie between 0 and 1, R2 aside."""
DEFAULTS: dict[Task, tuple[dict[str, Any], ...]] = {
    "classes": ({"name": "accuracy"},),
    "labels": ({"name": "AUC", "multi_label": True}, {"name": "BinaryAccuracy"}),
    "regression": ({"name": "MeanAbsoluteError"}, {"name": "R2Score"}),
    "map": ({"name": "accuracy"}, {"name": "MeanIoU"}),
}
"""The metrics of a task where a recipe names none; the first is the one by which variants are compared."""
FILLED = frozenset({"as", "better", "num_classes", "num_labels", "dtype"})
"""The arguments of metrics that the data decide, and our own."""


GIVEN = frozenset({"y_true", "y_pred", "targets", "outputs", "labels", "predictions"})
"""What a function of the user's own may call its first two arguments."""


class MetricSpec(Named):
    """A metric of Keras or the user's own with its arguments.

    `as` is the name that results have it under, by default its name in snake case; `better` says which way is better.
    """

    better: Literal["higher", "lower"]

    @property
    def key(self) -> str:
        """The name of the metric in results."""
        return str((self.model_extra or {})["as"])

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of Keras's class, or the user's."""
        return {key: value for key, value in super().arguments.items() if key != "as"}

    @property
    def metric(self) -> Metric:
        """The metric as results know it."""
        fraction = self.name.endswith(FRACTIONS) and self.name != "R2Score"
        return Metric(self.key, self.better == "higher", fraction or fold(self.name) == "accuracy")


def read_metric(value: Any) -> Any:
    """Return a metric from its name or a mapping: `accuracy`, `{name: AUC, curve: PR, as: pr_auc}`, `my_metrics:kappa`."""
    if isinstance(value, MetricSpec):
        return value
    written = dict(value) if isinstance(value, Mapping) else {"name": value}
    if isinstance(written.get("name"), str) and fold(written["name"]) == "accuracy":
        return _accuracy(written)
    read = read_named(written, "metrics", elsewhere=FILLED | GIVEN)
    name = read["name"]
    own = is_plugin(name)
    key = read.setdefault("as", snake_case(name.partition(":")[2] if own else name))
    if not (isinstance(key, str) and key.isidentifier()) or key in ("loss", "learning_rate"):
        raise invalid(f"must be a name of letters, digits and _, other than loss; got {show(key)}", "as")
    better = read.setdefault("better", None if own else "lower" if name.endswith(LOWER) else "higher")
    if better not in ("higher", "lower"):
        raise invalid(f"must be higher or lower: which values are better; got {show(better)}", "better")
    return read


def _accuracy(written: Mapping[str, Any]) -> dict[str, Any]:
    """Return Keras's `accuracy`, which is of the kind that suits the labels."""
    unknown = [
        fault_at("accuracy takes no arguments but `as`", key)
        for key in written
        if key not in ("name", "as", "better")
    ]
    if unknown:
        raise FaultsError(*unknown)
    return {"name": "accuracy", "as": written.get("as", "accuracy"), "better": "higher"}


def _distinct(metrics: tuple[MetricSpec, ...] | None) -> tuple[MetricSpec, ...] | None:
    counts = Counter(metric.key for metric in metrics or ())
    repeated = [key for key, count in counts.items() if count > 1]
    if repeated:
        raise invalid(f"two metrics are called {repeated[0]!r}; give one another name with `as`")
    return metrics


AnyMetric = Annotated[MetricSpec, BeforeValidator(read_metric), defined_as("metric")]
Metrics = Annotated[
    Annotated[tuple[AnyMetric, ...], Field(strict=False, min_length=1), at_most(20)] | None,
    AfterValidator(_distinct),
]


def metrics_by_default(task: Task) -> tuple[MetricSpec, ...]:
    """Return the metrics of a task for which a recipe names none."""
    return tuple(MetricSpec.model_validate(read_metric(metric)) for metric in DEFAULTS[task])


def named_metric(name: str, metrics: Sequence[MetricSpec]) -> Metric | None:
    """Return the metric called `name` among those of a recipe, loss included; None where there is none."""
    known = {LOSS.name: LOSS, **{spec.key: spec.metric for spec in metrics}}
    return known.get(name)
