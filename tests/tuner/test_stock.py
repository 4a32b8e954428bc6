"""Whether a search is Keras Tuner's own in all its steps."""

import gc
from pathlib import Path
from typing import Any

import keras_tuner
import pytest

from pipeline.tuner import RandomSearch
from pipeline.tuner.stock import STEPS, is_stock
from pipeline.tuner.tuner import _quick_collections
from tests.tuner.kit import KINDS, build, make, searched


@pytest.mark.parametrize("kind", KINDS)
def test_our_tuners_are_stock(kind: str, tmp_path: Path) -> None:
    assert is_stock(make(kind, build, tmp_path))


def test_all_that_keras_tuner_calls_between_begin_and_end_of_a_trial_is_a_step() -> None:
    hooks = {f"on_{what}_{when}" for what in ("trial", "epoch", "batch") for when in ("begin", "end")}
    inner = {"run_trial", "_build_and_fit_model", "_try_build", "_build_hypermodel", "_run_and_update_trial"}
    assert hooks | inner | {"_override_compile_args", "_get_checkpoint_fname", "pre_create_trial"} <= set(
        STEPS
    )


@pytest.mark.parametrize("step", STEPS)
def test_a_tuner_that_overrides_a_step_is_not(step: str, tmp_path: Path) -> None:
    plain = getattr(RandomSearch, step)
    own = (
        property(lambda self: plain.fget(self))
        if isinstance(plain, property)
        else (lambda self, *given, **named: plain(self, *given, **named))
    )
    kind = type("Own", (RandomSearch,), {step: own})
    assert not is_stock(kind(build, "val_accuracy", directory=tmp_path))


def test_an_overridden_step_is_called(tmp_path: Path) -> None:
    epochs = []

    class Counting(RandomSearch):
        def on_epoch_end(self, trial: Any, _: Any, epoch: int, **__: Any) -> None:
            epochs.append((trial.trial_id, epoch))

        def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> Any:
            kwargs["epochs"] = trial.hyperparameters.Int("epochs", 2, 4)
            return super().run_trial(trial, *args, **kwargs)

    tuner = searched(Counting(build, "val_accuracy", max_trials=3, seed=1, directory=tmp_path))
    asked = [trial.hyperparameters.get("epochs") for trial in tuner.oracle.trials.values()]
    assert tuner.stacks == [] and len(epochs) == sum(asked)


def test_a_hypermodel_with_its_own_fit_is_not(tmp_path: Path) -> None:
    sizes = []

    class Own(keras_tuner.HyperModel):
        def build(self, hp: Any) -> Any:
            return build(hp)

        def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
            sizes.append(hp.Choice("batch_size", [8, 16, 32]))
            return model.fit(*args, batch_size=sizes[-1], **kwargs)

    tuner = searched(make("RandomSearch", Own(), tmp_path, max_trials=4))
    assert tuner.stacks == [] and len(sizes) == 4 and len(set(sizes)) > 1


def test_a_method_set_on_the_tuner_itself_counts(tmp_path: Path) -> None:
    tuner = make("RandomSearch", build, tmp_path)
    tuner.on_epoch_end = print
    assert not is_stock(tuner)


def test_what_a_program_spares_the_collector_stays_spared() -> None:
    before = gc.get_freeze_count()
    with _quick_collections():
        assert gc.get_freeze_count() >= before > 0  # this folder's fixture has frozen what there was
    assert gc.get_freeze_count() > 0
