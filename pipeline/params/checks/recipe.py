"""Rules between the fields of a recipe: combinations that cannot train, found before training."""

from pipeline.data.catalogue import Dataset
from pipeline.params.checks.bare_output import untrained_faults, untrained_phase_faults
from pipeline.params.checks.batches import batch_faults
from pipeline.params.checks.freezing import cache_faults
from pipeline.params.checks.metrics import metric_faults
from pipeline.params.checks.validation import mixed_validation_faults, validation_faults
from pipeline.params.faults import Fault, FaultsError, fault_at
from pipeline.params.types.built_model import BuiltModel
from pipeline.params.types.evaluation import FINDER
from pipeline.params.types.layers import DenseLayer
from pipeline.params.types.recipe import COMPILED, Recipe, RegularisationSpec
from pipeline.params.types.schedules import KerasSchedule, Piecewise
from pipeline.params.types.tasks import loss_of, output_activation

UNITS, ACTIVATION = ("model", "output", "units"), ("model", "output", "activation")
LOSS, CLASSES = ("training", "loss"), ("data", "classes")
PAIRS, TOWERS, JOINT = ("data", "pairs"), ("model", "towers"), ("model", "joint")
RATE = ("optimizer", "learning_rate")


def recipe_faults(recipe: Recipe, dataset: Dataset | None) -> list[Fault]:
    """Return the faults between the fields of a recipe, its phases included, and between it and its data set.

    `dataset` is the record of its data set; None for a user's own, which is not read here.
    """
    faults = [*_own_faults(recipe), *_faults_in_phases(recipe)]
    return faults or _phase_faults(recipe) or cache_faults(recipe) or _data_faults(recipe, dataset)


def _phase_faults(recipe: Recipe) -> list[Fault]:
    """Return the faults between phases and the whole recipe; every phase's own recipe is without fault."""
    return [*_block_faults(recipe), *mixed_validation_faults(recipe), *untrained_phase_faults(recipe)]


def _faults_in_phases(recipe: Recipe) -> list[Fault]:
    faults = []
    for index, phase in enumerate(recipe.phases):
        try:
            phase_faults = _own_faults(recipe.in_phase(phase))
        except FaultsError as error:
            phase_faults = error.faults
        faults += [_in_phase(fault, index) for fault in phase_faults]
    return faults


def _own_faults(recipe: Recipe) -> list[Fault]:
    """Return the faults between fields, those of phases aside."""
    return [
        *_boundaries(recipe),
        *_one_output(recipe),
        *_pairs(recipe),
        *_finder(recipe),
        *_compiled(recipe),
        *validation_faults(recipe),
        *untrained_faults(recipe),
        *_of_built(recipe),
        *metric_faults(recipe),
    ]


def _of_built(recipe: Recipe) -> list[Fault]:
    """Return the faults of settings that only a chain of layers uses, in a recipe whose model a function builds."""
    if recipe.chain is not None:
        return []
    plain, text = RegularisationSpec(), "is for model.layers; a built model has model.replace, or arguments"
    return [
        fault_at(text, "regularisation", key)
        for key in RegularisationSpec.model_fields
        if getattr(recipe.regularisation, key) != getattr(plain, key)
    ]


def _class_faults(recipe: Recipe, total: int | None) -> list[Fault]:
    """Return the faults between a recipe and its data set's classes, `total` of them (None: unknown)."""
    kept = recipe.data.classes
    if kept is not None and total is not None and max(kept) >= total:
        return [Fault((CLASSES,), f"must be below {total}, the number of classes; got {max(kept)}")]
    count, units = class_count(recipe, total), recipe.chain.output.units if recipe.chain else None
    if count is None or units is None:
        return []
    if units == 1 and count != 2:
        text = f"one output needs exactly 2 classes (data.classes); there are {count}"
        return [Fault((UNITS, CLASSES), text)]
    if 1 < units < count:
        return [Fault((UNITS, CLASSES), f"must be at least {count}, the number of classes; got {units}")]
    return []


def class_count(recipe: Recipe, total: int | None) -> int | None:
    """Return how many classes the model has, of the `total` of its data set: with pairs 2, whether both show the same."""
    if recipe.data.pairs is not None:
        return 2
    return len(recipe.data.classes) if recipe.data.classes else total


def _data_faults(recipe: Recipe, dataset: Dataset | None) -> list[Fault]:
    """Return the faults between a recipe, each of its phases too, and its data set (None: unknown)."""
    faults = _faults_with(recipe, dataset)
    in_phases = [
        _in_phase(fault, index)
        for index, phase in enumerate(recipe.phases)
        for fault in _faults_with(recipe.in_phase(phase), dataset)
        if fault not in faults
    ]
    return [*faults, *in_phases]


def _faults_with(recipe: Recipe, dataset: Dataset | None) -> list[Fault]:
    """Keras judges models, once it has built them; what is known of the data set is checked here."""
    if dataset is None:
        return _class_faults(recipe, None)
    if dataset.task != "classes" or not dataset.is_image:
        return batch_faults(recipe, dataset)
    return [*_class_faults(recipe, len(dataset.class_names)), *batch_faults(recipe, dataset)]


def _in_phase(fault: Fault, index: int) -> Fault:
    """Return a fault of a phase's recipe as one of the whole recipe; the phase's patch or the rest may cause it."""
    return Fault((*fault.under("phases", index).places, *fault.places), fault.text)


def _block_faults(recipe: Recipe) -> list[Fault]:
    """Return the faults of phases that reuse or train more hidden blocks than the model has."""
    faults = []
    for index, phase in enumerate(recipe.phases):
        chain = recipe.in_phase(phase).chain
        for key, number in phase.blocks().items():
            if chain is None:
                text = "a model that a function builds has no blocks; name layers, {layers: [pattern, ...]}"
                faults.append(fault_at(text, "phases", index, key))
            elif number > (count := len(chain.unrolled())):
                text = f"needs {number} hidden blocks; the model has {count}"
                faults.append(fault_at(text, "phases", index, key))
    return faults


def _boundaries(recipe: Recipe) -> list[Fault]:
    schedule, epochs = recipe.schedule, recipe.training.epochs
    if not isinstance(schedule, Piecewise) or schedule.boundaries[-1] < epochs:
        return []
    text = f"boundaries must be below the {epochs} epochs of the training; got {schedule.boundaries[-1]}"
    return [Fault((("schedule", "boundaries"), ("training", "epochs")), text)]


def _finder(recipe: Recipe) -> list[Fault]:
    """A rate that a range test finds must be used, and by the one training that the test is made for."""
    alone = "finder needs a training without phases; give a number, or tune it"
    if not recipe.optimizer.finds_rate:
        return [
            fault_at(alone, "phases", index, *RATE)
            for index, phase in enumerate(recipe.phases)
            if isinstance(phase.optimizer, dict) and phase.optimizer.get(RATE[1]) == FINDER
        ]
    if recipe.phases:
        return [Fault((RATE, ("phases",)), alone)]
    if isinstance(recipe.schedule, KerasSchedule) and not recipe.schedule.scales:
        text = f"finder has no use: {recipe.schedule.name} sets the rates itself"
        return [Fault((RATE, ("schedule",)), text)]
    return []


def _compiled(recipe: Recipe) -> list[Fault]:
    """An optimizer may be missing only where a function compiles the model that it builds."""
    if recipe.optimizer.name != COMPILED or (isinstance(recipe.model, BuiltModel) and recipe.model.build):
        return []
    return [fault_at("is missing", "optimizer")]


def _pairs(recipe: Recipe) -> list[Fault]:
    pairs, model = recipe.data.pairs, recipe.chain
    if model is None:
        text = "pairs need a chain of layers, model.layers"
        return [Fault((PAIRS, ("model",)), text)] if pairs is not None else []
    if model.towers == 2 and pairs is None:
        return [Fault((TOWERS, PAIRS), "two towers take pairs of images; set their number with data.pairs")]
    if model.joint and model.towers == 1:
        return [Fault((JOINT, TOWERS), "joins two towers, but the model has one; set model.towers: 2")]
    if (
        pairs is not None
        and model.towers == 1
        and not all(isinstance(layer, DenseLayer) for layer in model.layers)
    ):
        text = (
            "one tower takes a pair as one flat vector, which only dense layers accept; set model.towers: 2"
        )
        return [Fault((PAIRS, TOWERS, ("model", "layers")), text)]
    return []


def _one_output(recipe: Recipe) -> list[Fault]:
    chain = recipe.chain
    if chain is None or chain.output.units != 1:
        return []
    loss, activation = loss_of(recipe, "classes", 1), output_activation(recipe, "classes")
    if "Categorical" in loss.name:
        text = f"{loss.name} needs an output per class; with one output use binary_crossentropy"
        return [Fault((LOSS, UNITS), text)]
    if activation.name == "softmax":
        return [Fault((ACTIVATION, UNITS), "softmax over one output is always 1; use sigmoid")]
    takes_probabilities = loss.name == "BinaryCrossentropy" and not loss.arguments.get("from_logits")
    if takes_probabilities and activation.name != "sigmoid":
        text = f"binary_crossentropy with one output needs sigmoid; got {activation.name!r}"
        return [Fault((ACTIVATION, LOSS), text)]
    return []
