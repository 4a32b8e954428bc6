"""The types of a recipe: everything that decides one training."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from pipeline.params.faults import Fault, FaultsError, invalid, listing, read_as, show
from pipeline.params.keras_names.named import (
    Activation,
    Constraint,
    Initializer,
    Loss,
    Named,
    Regularizer,
    read_named,
)
from pipeline.params.numbers import is_integer, is_number
from pipeline.params.patches import MODEL_KINDS, is_argument, merge
from pipeline.params.spec import Count, Index, NotNegative, Positive, Spec, at_most, defined_as
from pipeline.params.types.built_model import BuiltModel, Patterns, Replacements
from pipeline.params.types.evaluation import FINDER
from pipeline.params.types.layers import AnyLayer, Dropout, KerasLayer, Layers, Normalisation, Places, Width
from pipeline.params.types.metrics import Metrics
from pipeline.params.types.phase_spec import PhaseSpec
from pipeline.params.types.schedules import Constant, Schedule

CLIPS = ("clipvalue", "clipnorm", "global_clipnorm")  # the ways in which optimizers of Keras clip gradients
MOST_CLASSES = 256  # labels are bytes
COMPILED = "compiled"
"""The optimizer of a recipe that has none: that with which a function compiled the model that it builds."""


def _distinct(values: tuple[int, ...] | None) -> tuple[int, ...] | None:
    if values is not None and len(set(values)) < len(values):
        raise invalid(f"must be distinct; got {show(values)}")
    return values


def _even(value: int | None) -> int | None:
    if value is not None and value % 2:
        raise invalid(f"must be even, since half of the pairs are of one class; got {value}")
    return value


def _read_validation(value: Any) -> Any:
    is_count = is_integer(value) and 0 <= value <= 10**9
    is_fraction = isinstance(value, float) and 0 < value < 1
    if value is None or is_count or is_fraction:
        return value
    raise invalid(f"must be a number of images, or a fraction between 0 and 1; got {show(value)}")


def _read_model(value: Any) -> Any:
    """Return a model of the kind that its keys say: a chain of `layers`, or what a function builds."""
    if isinstance(value, ModelSpec | BuiltModel):
        return value
    if not isinstance(value, Mapping):
        raise invalid(f"must be a mapping of {listing(ModelSpec.keys())}; got {show(value)}")
    kinds = [kind for kind in MODEL_KINDS if kind in value]
    if len(kinds) > 1:
        kinds = [kind for kind in kinds if not is_argument(kind, value[kind])]
    if len(kinds) > 1:
        raise invalid(
            f"{' and '.join(kinds)} exclude each other; a model has one of {', '.join(MODEL_KINDS)}"
        )
    is_built = bool(kinds) and kinds[0] != "layers"
    return read_as(BuiltModel, value) if is_built else read_as(ModelSpec, value)


def _read_augmentation(value: Any) -> Any:
    return (
        value if isinstance(value, KerasLayer) else KerasLayer(**read_named(value, "augmentation", "noise"))
    )


def _read_class_weight(value: Any) -> Any:
    if value is None or value == "balanced":
        return value
    if (
        isinstance(value, Mapping)
        and value
        and all(is_number(weight) and weight >= 0 for weight in value.values())
    ):
        return {str(name): float(weight) for name, weight in value.items()}
    raise invalid(f"must be balanced, or a mapping of classes to numbers of at least 0; got {show(value)}")


def _read_output(value: Any) -> Any:
    if isinstance(value, Output | Mapping):
        return value
    if value == "none":
        return {"weights": False}
    raise invalid(f"must be none, or a mapping of {', '.join(Output.keys())}; got {show(value)}")


def _read_optimizer(value: Any) -> Any:
    if isinstance(value, OptimizerSpec) or (isinstance(value, Mapping) and value.get("name") == COMPILED):
        return value
    try:
        return read_named(value, "optimizers", elsewhere=frozenset(OptimizerSettings.keys()))
    except FaultsError as error:
        raise FaultsError(*error.faults, *_settings_faults(value)) from None


def _settings_faults(value: Any) -> list[Fault]:
    """Return the faults of the rate and the clipping, where the name or its arguments have some already."""
    keys = OptimizerSettings.keys() if isinstance(value, dict) else []
    try:
        read_as(OptimizerSettings, {key: value[key] for key in keys if key in value})
    except FaultsError as error:
        return error.faults
    return []


def _read_rate(value: Any, number: ValidatorFunctionWrapHandler) -> Any:
    if value == FINDER:
        return value
    if isinstance(value, str):
        raise invalid(f"must be a number, or {FINDER}; got {show(value)}")
    return number(value)


Augmentation = Annotated[
    tuple[Annotated[KerasLayer, BeforeValidator(_read_augmentation), defined_as("augmentation")], ...],
    Field(strict=False),
    at_most(20),
]


class DataSpec(Spec):
    """Which rows (images, for example), and how they are scaled.

    `scale`: null divides 8-bit images by 255, standardises the numbers of a table, and leaves other arrays as they are.
    `validation` is a number of training rows, or a fraction of them (null: the data set's own split; 0: none, so that
    only test data measure a run); `split` says which: the first ones, random ones with all classes in proportion, or the
    last ones, `time` (null: random for data of one's own, which may be sorted by class, else the first). `skip` leaves
    out the first n training rows, then `limit` keeps the first n of the rest, `per_class` n of each class. With `pairs`
    the model gets n pairs of the remaining images, and predicts whether both show the same class. `without`: columns of a
    table, or inputs, to leave out. `scale_targets`: whether models learn numbers with mean 0 and deviation 1 over the
    training rows; metrics are in their own unit all the same. `augment`: preprocessing layers of Keras that change the
    inputs while training.
    """

    scale: Literal["/255", "/256", "standardise", "none"] | None = None
    validation: Annotated[int | float | None, BeforeValidator(_read_validation)] = None
    split: Literal["first", "random", "time"] | None = None
    classes: Annotated[
        Annotated[tuple[Index, ...], Field(strict=False, min_length=2), at_most(MOST_CLASSES)] | None,
        AfterValidator(_distinct),
    ] = None
    skip: Index = 0
    limit: Count | None = None
    per_class: Count | None = None
    pairs: Annotated[Count | None, AfterValidator(_even)] = None
    without: Patterns = ()
    scale_targets: bool = False
    augment: Augmentation = ()

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if self.limit is not None and self.per_class is not None:
            raise FaultsError(Fault((("per_class",), ("limit",)), "limit and per_class exclude each other"))
        return self

    def used_of(self, images: int, classes: int) -> int:
        """Return how many of the training `images` of `classes` that are left a model sees, pairs or images."""
        most = self.per_class * classes if self.per_class else self.limit or images
        return self.pairs or min(images, most)

    def held_out(self, images: int, otherwise: int) -> int:
        """Return how many of the training `images` are held out; `otherwise` is the data set's own number."""
        validation = otherwise if self.validation is None else self.validation
        return round(validation * images) if isinstance(validation, float) else validation


class Output(Spec):
    """The output layer; `units` defaults to the number of classes, labels or targets.

    `activation`: null is softmax for classes, sigmoid for labels and a single unit, linear for numbers. Without
    `weights` there is no dense layer: the activation is applied to what the last hidden layer yields, one number for each
    class.
    """

    activation: Activation | None = None
    initializer: Initializer = Named(name="GlorotUniform")
    units: Count | None = None
    weights: bool = True

    @model_validator(mode="after")
    def _no_units_without_weights(self) -> Self:
        if not self.weights and self.units is not None:
            text = "an output without weights has as many units as the last hidden layer; leave units out"
            raise FaultsError(Fault((("units",), ("weights",)), text))
        return self


class ModelSpec(Spec):
    """A chain of layers, the settings that all hidden layers share, and the output layer.

    Two `towers` take one image each of a pair; `joint` are the units of hidden layers on top of both towers.
    """

    layers: Layers
    activation: Activation = Named(name="relu")
    initializer: Initializer = Named(name="GlorotUniform")
    normalisation: Places = Normalisation()
    use_bias: bool = True
    towers: Literal[1, 2] = 1
    joint: Annotated[tuple[Width, ...], Field(strict=False, max_length=100), at_most(100)] = ()
    output: Annotated[Output, BeforeValidator(_read_output), defined_as("output")] = Output()
    without: Patterns = ()
    replace: Replacements = Field(default_factory=dict)

    def unrolled(self) -> list[AnyLayer]:
        """Return the layers of one tower in order, each as often as it repeats."""
        return [layer for layer in self.layers for _ in range(getattr(layer, "repeat", 1))]


Model = Annotated[ModelSpec | BuiltModel, BeforeValidator(_read_model), defined_as("model")]


Rate = Annotated[
    Positive,
    WrapValidator(_read_rate),
    PlainSerializer(lambda rate: rate, when_used="always"),
    defined_as("rate"),
]
"""A number in every recipe that trains; `finder` in a variant's alone, until its range test has found a rate."""


class OptimizerSettings(Spec):
    """The settings of every optimizer: a learning rate, and at most one way to clip gradients."""

    learning_rate: Rate = 1e-3
    clipvalue: Positive | None = None
    clipnorm: Positive | None = None
    global_clipnorm: Positive | None = None

    @property
    def finds_rate(self) -> bool:
        """Whether the rate is yet to be found by a learning-rate finder."""
        return isinstance(self.learning_rate, str)

    @model_validator(mode="after")
    def _one_clip(self) -> Self:
        clips = [key for key in CLIPS if getattr(self, key) is not None]
        if len(clips) > 1:
            text = f"{' and '.join(clips)} exclude each other; keep one"
            raise FaultsError(Fault(tuple((clip,) for clip in clips), text))
        return self


class OptimizerSpec(Named, OptimizerSettings):
    """A Keras optimizer with its own arguments, its learning rate, and its clipping."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow", allow_inf_nan=False)


Optimizer = Annotated[OptimizerSpec, BeforeValidator(_read_optimizer), defined_as("optimizer")]


class RegularisationSpec(Spec):
    """Penalties and constraints on hidden kernels, and dropout."""

    kernel_regularizer: Regularizer | None = None
    kernel_constraint: Constraint | None = None
    dropout: Dropout | None = None


class EarlyStopping(Spec):
    """Stop once `monitor` has not improved by `min_delta` for `patience` epochs."""

    patience: Index
    monitor: str = "val_loss"
    min_delta: NotNegative = 0.0
    restore_best_weights: bool = True


class TrainingSpec(Spec):
    """The number of epochs, the batch size, the loss, the metrics, and when to stop early.

    `loss` and `metrics`: null are those of the task. `class_weight`: how much each class counts while training,
    `balanced`: each as much in all.
    """

    epochs: Count
    batch_size: Count = 32
    loss: Loss | None = None
    metrics: Metrics = None
    class_weight: Annotated[
        dict[str, float] | Literal["balanced"] | None, BeforeValidator(_read_class_weight)
    ] = None
    early_stopping: EarlyStopping | None = None


class Recipe(Spec):
    """Everything that decides one training, seed and data set aside."""

    data: DataSpec = DataSpec()
    model: Model
    optimizer: Optimizer = OptimizerSpec(name=COMPILED)
    schedule: Schedule = Constant()
    regularisation: RegularisationSpec = RegularisationSpec()
    training: TrainingSpec
    phases: Annotated[tuple[PhaseSpec, ...], Field(strict=False, max_length=100), at_most(100)] = ()

    @property
    def chain(self) -> ModelSpec | None:
        """The model, where it is a chain of layers; None for one that a function builds."""
        return self.model if isinstance(self.model, ModelSpec) else None

    def in_phase(self, phase: PhaseSpec) -> "Recipe":
        """Return the complete recipe of one of its phases, itself without phases.

        Raises `FaultsError` where the patches of the phase do not fit.
        """
        plain = self.model_dump(mode="json", exclude={"phases"})
        return read_as(Recipe, merge(plain, phase.patch()))
