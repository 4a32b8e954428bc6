"""Trained models as MLflow's own: `mlflow.keras` and `mlflow.pyfunc` load them, and no model outlives its run."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.core.files import write_json
from pipeline.tracking import ledger as ledgers
from pipeline.tracking.projection import project
from pipeline.training.export import signature_of

from .conftest import Study
from .test_projection import client, ids, models

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*Any type hint is inferred as AnyType"
)  # MLflow's, of its own code


def two_inputs() -> Any:
    left, right = keras.Input((3,), name="left"), keras.Input((2, 4), name="right", dtype="int32")
    joined = keras.layers.Concatenate()([left, keras.layers.Flatten()(right)])
    return keras.Model({"left": left, "right": right}, keras.layers.Dense(2)(joined))


class Own(keras.Model):
    """A model without a graph, whose inputs Keras does not know."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.dense = keras.layers.Dense(3)

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)


def own() -> Any:
    model = Own()
    model(np.zeros((1, 6), "float32"))
    return model


CASES: dict[str, tuple[Any, Any, Any]] = {
    "chain": (
        lambda: keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)]),
        (6,),
        np.ones((2, 6), "float32"),
    ),
    "own class": (own, (6,), np.ones((2, 6), "float32")),
    "two inputs": (
        two_inputs,
        {"left": (3,), "right": (2, 4)},
        {"left": np.ones((2, 3), "float32"), "right": np.ones((2, 2, 4), "int32")},
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", CASES)
def test_mlflow_loads_a_model_with_its_signature_and_results(
    kind: str, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    make, shapes, rows = CASES[kind]
    model, key = make(), study.add("act", "relu")
    study.keep_model("act", "relu", key)
    model.save(study.store.runs.model_path(key))
    write_json(study.store.runs.signature_path(key), signature_of(model, shapes))
    project(study.store)
    (run_id,) = ids(study).values()
    run = client(study.uri).get_run(run_id)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", study.uri)
    logged = client(study.uri).get_logged_model(run.outputs.model_outputs[0].model_id)
    assert {metric.key: metric.value for metric in logged.metrics}["test_accuracy"] == run.data.metrics[
        "test_accuracy"
    ]
    assert len(client(study.uri).get_metric_history(run_id, "test_accuracy")) == 1  # the run has it once
    expected = model.predict(rows, verbose=0)
    custom = {"custom_objects": {"Own": Own}} if kind == "own class" else {}
    loaded = mlflow.keras.load_model(run.data.tags["model"], **custom)
    np.testing.assert_array_equal(loaded.predict(rows, verbose=0), expected)
    signature = mlflow.models.get_model_info(logged.model_uri).signature
    tensors = signature.inputs.inputs
    assert [tensor.name for tensor in tensors] == (list(rows) if isinstance(rows, dict) else [None])
    assert all(tensor.shape[0] == -1 for tensor in tensors)
    assert signature.outputs.inputs[0].shape == (-1, expected.shape[1])
    if not custom:
        np.testing.assert_array_equal(mlflow.pyfunc.load_model(logged.model_uri).predict(rows), expected)


def test_a_model_whose_writer_was_killed_is_sent_once(study: Study) -> None:
    key = study.add("act", "relu")
    study.keep_model("act", "relu", key)
    project(study.store)
    (run_id,) = ids(study).values()
    mlflow = client(study.uri)
    experiment = mlflow.get_run(run_id).info.experiment_id
    before = mlflow.get_run(run_id).data.tags["model"]
    mlflow.create_logged_model(experiment, "relu", source_run_id=run_id)  # not finished, and no run names it
    mlflow.delete_tag(run_id, "model")
    (ledgers.folder(study.store)).rename(Path(study.root) / "gone")
    project(study.store)
    assert models(study) == {"relu · seed 0": "relu"}
    assert mlflow.get_run(run_id).data.tags["model"] != before


def test_a_model_of_an_older_version_has_no_signature(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    key = study.add("act", "relu")
    study.keep_model("act", "relu", key)
    project(study.store)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", study.uri)
    (run_id,) = ids(study).values()
    uri = client(study.uri).get_run(run_id).data.tags["model"]
    assert mlflow.models.get_model_info(uri).signature is None


def test_a_model_that_does_not_compute_without_values_has_no_outputs_in_its_signature() -> None:
    class Eager(keras.Model):
        def call(self, inputs: Any) -> Any:
            return inputs * float(np.asarray(inputs).sum())

    described = signature_of(Eager(), (6,))
    assert described["inputs"] == [{"name": "input", "shape": [-1, 6], "dtype": "float32"}]
    assert described["outputs"] == []
