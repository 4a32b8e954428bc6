"""Rules between the fields of a recipe: combinations that cannot train, found before anything does."""

from typing import TYPE_CHECKING

from pipeline.data.catalogue import Dataset
from pipeline.params.evaluation import FINDER
from pipeline.params.faults import Fault
from pipeline.params.kernels import kernel_faults
from pipeline.params.layers import ConvLayer, DenseLayer, KerasLayer, title
from pipeline.params.schedules import KerasSchedule, Piecewise
from pipeline.params.shapes import shape_faults

if TYPE_CHECKING:
    from pipeline.params.recipe import Recipe

UNITS, ACTIVATION = ("model", "output", "units"), ("model", "output", "activation")
RECURRENT = {"LSTM", "GRU", "SimpleRNN"}
LOSS, CLASSES = ("training", "loss"), ("data", "classes")
PAIRS, TOWERS, JOINT = ("data", "pairs"), ("model", "towers"), ("model", "joint")
RATE = ("optimizer", "learning_rate")


def recipe_faults(recipe: "Recipe") -> list[Fault]:
    """Return the faults that no single field shows."""
    return [
        *_boundaries(recipe),
        *_order(recipe),
        *_one_output(recipe),
        *_pairs(recipe),
        *_finder(recipe),
        *kernel_faults(recipe),
    ]


def class_faults(recipe: "Recipe", known: int | None) -> list[Fault]:
    """Return the faults between a recipe and its data set's classes, `known` of them (None: unknown)."""
    chosen = recipe.data.classes
    if chosen is not None and known is not None and max(chosen) >= known:
        return [Fault((CLASSES,), f"must be below {known}, the number of classes; got {max(chosen)}")]
    count, units = told_apart(recipe, known), recipe.model.output.units
    if count is None or units is None:
        return []
    if units == 1 and count != 2:
        return [
            Fault((UNITS, CLASSES), f"one output needs exactly 2 classes (data.classes); there are {count}")
        ]
    if 1 < units < count:
        return [Fault((UNITS, CLASSES), f"must be at least {count}, the number of classes; got {units}")]
    return []


def told_apart(recipe: "Recipe", known: int | None) -> int | None:
    """Return how many classes the model tells apart: of pairs, whether both show the same or not."""
    if recipe.data.pairs is not None:
        return 2
    return len(recipe.data.classes) if recipe.data.classes else known


def data_faults(recipe: "Recipe", dataset: Dataset | None) -> list[Fault]:
    """Return the faults between a recipe, each of its phases too, and its data set (None: unknown)."""
    faults = _met(recipe, dataset)
    inner = [_met(recipe.in_phase(phase), dataset) for phase in recipe.phases]
    phased = [in_phase(each, at) for at, found in enumerate(inner) for each in found if each not in faults]
    return [*faults, *phased]


def _met(recipe: "Recipe", dataset: Dataset | None) -> list[Fault]:
    if dataset is None:
        return [*class_faults(recipe, None), *shape_faults(recipe, None)]
    return [*class_faults(recipe, len(dataset.class_names)), *shape_faults(recipe, dataset.image_shape)]


def in_phase(found: Fault, index: int) -> Fault:
    """Return a fault of a phase's recipe as the whole recipe's; its patch or the rest may cause it."""
    return Fault((*found.under("phases", index).at, *found.at), found.text)


def block_faults(recipe: "Recipe") -> list[Fault]:
    """Return the faults of phases that reuse or train hidden blocks which the model does not have."""
    faults = []
    for index, phase in enumerate(recipe.phases):
        count = _blocks(recipe.in_phase(phase))
        for key, number in phase.blocks().items():
            if number > count:
                text = f"counts {number} hidden blocks; the model has {count}"
                faults.append(Fault((("phases", index, key),), text))
    return faults


def _blocks(recipe: "Recipe") -> int:
    return sum(layer.repeat if not isinstance(layer, KerasLayer) else 1 for layer in recipe.model.layers)


def _boundaries(recipe: "Recipe") -> list[Fault]:
    schedule, epochs = recipe.schedule, recipe.training.epochs
    if not isinstance(schedule, Piecewise) or schedule.boundaries[-1] < epochs:
        return []
    text = f"boundaries must lie below the {epochs} epochs of the training; got {schedule.boundaries[-1]}"
    return [Fault((("schedule", "boundaries"), ("training", "epochs")), text)]


def _finder(recipe: "Recipe") -> list[Fault]:
    """A rate that is found must be used, and found in the one training that uses it."""
    alone = "finder needs a training without phases; give a number, or tune it"
    if not recipe.optimizer.finds_rate:
        return [
            Fault((("phases", index, *RATE),), alone)
            for index, phase in enumerate(recipe.phases)
            if isinstance(phase.optimizer, dict) and phase.optimizer.get(RATE[1]) == FINDER
        ]
    if recipe.phases:
        return [Fault((RATE, ("phases",)), alone)]
    if isinstance(recipe.schedule, KerasSchedule) and not recipe.schedule.scales:
        text = f"finder has no use: {recipe.schedule.name} sets the rates itself"
        return [Fault((RATE, ("schedule",)), text)]
    return []


def _order(recipe: "Recipe") -> list[Fault]:
    """A convolution or a pooling needs images; a flat layer before it has taken them away.

    What works on sequences or volumes needs a Reshape before it: images are neither.
    """
    flat: str | None = None
    images = True
    faults = []
    for index, layer in enumerate(recipe.model.layers):
        text = ""
        if flat and _is_spatial(layer):
            text = f"{title(layer)} needs images, but {flat} before it has flattened them"
        elif images and (wanted := _wanted_instead(layer)):
            came = f"what {flat} gives" if flat else "images"
            text = f"{title(layer)} needs {wanted}; {came} came; put a Reshape before it"
        if text:
            faults.append(Fault((("model", "layers", index),), text))
        flat = _flattened_by(layer, flat)
        images = flat is not None or (
            images and not (isinstance(layer, KerasLayer) and _reshapes(layer.name))
        )
    return faults


def _pairs(recipe: "Recipe") -> list[Fault]:
    pairs, model = recipe.data.pairs, recipe.model
    if model.towers == 2 and pairs is None:
        return [Fault((TOWERS, PAIRS), "two towers see pairs of images; say how many with data.pairs")]
    if model.joint and model.towers == 1:
        return [Fault((JOINT, TOWERS), "joins two towers, and there is one; set model.towers: 2")]
    if pairs is not None and model.towers == 1 and not all(isinstance(x, DenseLayer) for x in model.layers):
        text = "one tower sees a pair as one flat vector, which only dense layers take; set model.towers: 2"
        return [Fault((PAIRS, TOWERS, ("model", "layers")), text)]
    return []


def _wanted_instead(layer: object) -> str | None:
    """Return what a layer needs that is neither an image nor flat."""
    name = (
        layer.name.removesuffix("Transpose")
        if isinstance(layer, KerasLayer) and ":" not in layer.name
        else ""
    )
    if name.endswith("1D") or name in RECURRENT:
        return "sequences"
    return "volumes" if name.endswith("3D") else None


def _is_spatial(layer: object) -> bool:
    return isinstance(layer, ConvLayer) or (
        isinstance(layer, KerasLayer) and layer.name.endswith(("2D", "2DTranspose"))
    )


def _flattened_by(layer: object, before: str | None) -> str | None:
    if isinstance(layer, DenseLayer) or (isinstance(layer, KerasLayer) and _flattens(layer.name)):
        return title(layer)
    return None if isinstance(layer, KerasLayer) and _reshapes(layer.name) else before


def _flattens(name: str) -> bool:
    return name in {"Flatten", "Dense"} or (name.startswith("Global") and name.endswith("2D"))


def _reshapes(name: str) -> bool:
    return name == "Reshape" or ":" in name


def _one_output(recipe: "Recipe") -> list[Fault]:
    if recipe.model.output.units != 1:
        return []
    loss, activation = recipe.training.loss, recipe.model.output.activation
    if "Categorical" in loss.name:
        text = f"{loss.name} needs an output per class; with one output use binary_crossentropy"
        return [Fault((LOSS, UNITS), text)]
    if activation.name == "softmax":
        return [Fault((ACTIVATION, UNITS), "softmax over one output is always 1; use sigmoid")]
    if (
        loss.name == "BinaryCrossentropy"
        and activation.name != "sigmoid"
        and not loss.arguments.get("from_logits")
    ):
        text = f"binary_crossentropy with one output needs sigmoid; got {activation.name!r}"
        return [Fault((ACTIVATION, LOSS), text)]
    return []
