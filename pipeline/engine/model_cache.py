"""The models of a study by graph, so that none is built or compiled twice."""

from collections.abc import Callable
from dataclasses import replace
from threading import RLock

import keras

from pipeline.build.compiled import as_compiled
from pipeline.build.freezing import freeze_layers
from pipeline.build.model import build_model, is_image_model
from pipeline.core.errors import DataError
from pipeline.engine.batches import steps_per_epoch
from pipeline.engine.datasets import DatasetViews
from pipeline.engine.features import Parts, cut_at_frozen
from pipeline.engine.fused.grouping import signature
from pipeline.engine.views import View
from pipeline.params.types.phases import Phase
from pipeline.params.types.recipe import COMPILED, Recipe
from pipeline.runs.run import Run


class ModelCache:
    """What stacks share: data, and templates by graph, so that nothing is built or compiled twice.

    `views` returns the views of a data set by its name.
    """

    def __init__(self, views: Callable[[str], DatasetViews]) -> None:
        self.views = views
        self._templates: dict[str, keras.Model] = {}
        self._recipes: dict[str, Recipe] = {}
        self._parts: dict[str, Parts | str] = {}
        self._lock = RLock()

    def view(self, run: Run, phase: Phase) -> View:
        """Return what `run` sees of the data in `phase`."""
        chain = phase.recipe.chain
        flat = chain is not None and not is_image_model(chain)
        return self.views(run.context.dataset).view(
            phase.recipe.data, flat, run.seeds.split, run.fold, run.resample
        )

    def phases(self, run: Run) -> tuple[Phase, ...]:
        """Return the phases of a run, completed by what a function compiled its model with where they leave that to it."""
        return tuple(self.completed(run, phase) for phase in run.phases)

    def completed(self, run: Run, phase: Phase) -> Phase:
        """Return one phase of a run as `phases` does."""
        if phase.recipe.optimizer.name != COMPILED:
            return phase
        view = self.view(run, phase)
        key = f"{view.pool} {phase.recipe.model_dump_json()}"
        with self._lock:
            if key not in self._recipes:
                self._recipes[key] = as_compiled(phase.recipe, view.input_shape, view.outputs, view.task)
            return replace(phase, recipe=self._recipes[key])

    def signature(self, run: Run, phase: Phase, exact: bool = False) -> str:
        """Return what all runs of a stack must share in `phase`; where `exact`, also the numbers that can be lifted.

        Raises `DataError` where a batch is larger than what there is to train on.
        """
        view, size = self.view(run, phase), phase.recipe.training.batch_size
        steps = steps_per_epoch(len(view.training), size)
        if size > len(view.training):
            what = f"must be 1 to {len(view.training)}, the number of training rows"
            raise DataError(f"{run.context.dataset}: training.batch_size: {what}; got {size}")
        trained = {key: item for key, item in phase.settings.items() if key != "reuse"}
        shape = [view.pool, steps, view.outputs, view.validates, trained]
        return signature(phase.recipe, shape, exact)

    def run_signature(self, run: Run, first: int = 0, epoch: int = 0) -> str:
        """Return what all runs of a stack must share in all phases from `first` on, of which `epoch` epochs are trained.

        Their kind too, since only replicates are tested.
        """
        signatures = [self.signature(run, phase) for phase in self.phases(run)[first:]]
        kind = run.kind if run.until is None else f"shared {run.kind}"
        part = f"from phase {first + 1} and epoch {epoch + 1} to {run.epochs}"
        return "\n".join([kind, *([part] if first or epoch or run.epochs else []), *signatures])

    def template(self, run: Run, phase: Phase, exact: bool = False) -> keras.Model:
        """Return the model with the graph of `run` in `phase`; its weights and lifted numbers are not those of the run."""
        key = self.signature(run, phase, exact)
        with self._lock:
            if key not in self._templates:
                self._templates[key] = self._build(run, phase)
            return self._templates[key]

    def parts(self, run: Run, phase: Phase, exact: bool = False) -> Parts | str:
        """Return the template of `run` in `phase`, cut above its frozen layers; or why it cannot be cut."""
        key = self.signature(run, phase, exact)
        with self._lock:
            if key not in self._parts:
                self._parts[key] = cut_at_frozen(self.template(run, phase, exact))
            return self._parts[key]

    def _build(self, run: Run, phase: Phase) -> keras.Model:
        view = self.view(run, phase)
        model = build_model(phase.recipe, view.input_shape, view.outputs, view.task)
        freeze_layers(model, phase.trainable, phase.recipe)
        return model
