"""Which arguments of `fit` the fused engine takes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.tuner.request import read_request
from tests.tuner.kit import DATA, X, Y


def test_arrays_are_not_copied(tmp_path: Path) -> None:
    """A memory-mapped array is read by the tensor that is made of it, once."""
    mapped = np.memmap(tmp_path / "x", np.float32, "w+", shape=X.shape)
    request = read_request([], {"x": mapped, "y": Y, "validation_split": 0.25})
    assert request is not None
    assert np.shares_memory(request.training.x, mapped) and np.shares_memory(request.validation.x, mapped)
    assert len(request.training) == 90 and len(request.validation) == 30
    assert request.training.tensors is request.training.tensors


@pytest.mark.parametrize("kind", ["uint8", "int64", "bool"])
def test_whole_numbers_stay_as_they_are(kind: str) -> None:
    request = read_request(
        [], {**DATA, "x": X[:80].astype(kind), "validation_data": (X[80:].astype(kind), Y[80:])}
    )
    assert request is not None and request.training.x.dtype == kind


def test_real_numbers_have_kerass_type() -> None:
    request = read_request([], {"x": X.astype("float64"), "y": Y})
    assert request is not None and request.training.x.dtype == np.float32


@pytest.mark.parametrize("labels", [Y, Y[:, None], Y.astype("float64"), Y.astype("uint8"), np.eye(3)[Y]])
def test_labels_in_all_forms(labels: Any) -> None:
    request = read_request([], {"x": X, "y": labels})
    assert request is not None
    np.testing.assert_array_equal(request.training.y, Y)
    assert request.classes == 3 and request.one_hot == (labels.ndim == 2 and labels.shape[1] == 3)


@pytest.mark.parametrize(
    "change",
    [
        {"y": Y[:80] - 1},
        {"y": Y[:80] + 0.5},
        {"y": Y[:79]},
        {"y": np.stack([Y[:80], Y[:80]], axis=1)},
        {"x": X[:80].tolist()},
        {"x": np.array([["text"]] * 80)},
        {"validation_data": (X[80:, :3], Y[80:])},
        {"validation_data": (X[80:], Y[80:], np.ones(40))},
        {"steps_per_epoch": 3},
        {"sample_weight": np.ones(80)},
        {"callbacks": [object()]},
        {"x": X[:0], "y": Y[:0]},
    ],
)
def test_what_is_not_taken(change: Any) -> None:
    assert read_request([], {**DATA, **change}) is None


def test_a_batch_is_at_most_what_there_is() -> None:
    request = read_request([], {**DATA, "batch_size": 1000})
    assert request is not None and request.batch_size == 80
