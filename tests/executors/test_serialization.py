"""What is sent to workers and back: nothing is lost on the way, and only the runs requested are trained."""

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from kit import record, run

from pipeline.core.errors import UserError
from pipeline.runs.resample import Resample

if TYPE_CHECKING:
    from pipeline.engine.stacks import Stack


def test_a_stack_comes_back_as_it_was(stacks: "list[Stack]") -> None:
    from pipeline.executors.serialization import pack_stack, unpack_stack

    for stack in stacks:
        assert unpack_stack(pack_stack(stack)) == stack


def test_a_recipe_with_every_kind_of_part_and_a_fold_comes_back(auto: object) -> None:  # noqa: ARG001
    from pipeline.engine.stacks import Stack
    from pipeline.executors.serialization import pack_stack, unpack_stack

    patch = {
        "model": {"layers": [{"units": 8, "repeat": 2}, 4], "activation": {"name": "leaky_relu"}},
        "schedule": {"name": "piecewise", "boundaries": [1], "factors": [1.0, 0.1]},
        "regularisation": {"kernel_regularizer": {"name": "l1_l2", "l1": 1e-4, "l2": 1e-3}, "dropout": 0.2},
        "training": {"early_stopping": {"patience": 5}},
        "phases": [
            {"name": "first", "data": {"classes": [0, 1, 2]}},
            {"name": "rest", "trainable": {"top": 1}},
        ],
    }
    runs = (run(patch, 3, "trial", (1, 4)), replace(run(patch), resample=Resample("splits", 2, test=0.3)))
    stack = Stack(runs, "fused", "one graph", True)
    again = unpack_stack(pack_stack(stack))
    assert again == stack and again.runs[0].phases == stack.runs[0].phases


def test_a_worker_with_other_code_or_versions_refuses(stacks: "list[Stack]") -> None:
    from pipeline.executors.serialization import from_bytes, pack_stack, to_bytes, unpack_stack

    plain = json.loads(from_bytes(pack_stack(stacks[0]))[0])
    plain["runs"][1]["key"] = "0" * 32
    with pytest.raises(UserError, match="copy of the pipeline"):
        unpack_stack(to_bytes(json.dumps(plain)))
    plain["versions"]["keras"] = "2.0"
    with pytest.raises(UserError, match=r"keras is 3\..* there, 2\.0 here"):
        unpack_stack(to_bytes(json.dumps(plain)))


def test_what_is_trained_already_travels_once(auto: object) -> None:  # noqa: ARG001
    from pipeline.engine.jobs import Beginning, Checkpoint
    from pipeline.engine.stacks import Stack
    from pipeline.executors.serialization import from_bytes, pack_stack, unpack_stack

    runs = tuple(run(seed=seed) for seed in range(4))
    shared = Beginning(1, record(runs[0]), [np.float32([1 / 3]), np.uint32([7])], runs=2)
    unfinished = Beginning(0, record(runs[2]), [], state=Checkpoint({"epoch": 3}, [np.float32(0.1)]))
    stack = Stack(runs, "fused", "one graph", beginnings=(shared, shared, unfinished, None))
    assert len(from_bytes(pack_stack(stack))[1]) == 3
    one, same, state, none = unpack_stack(pack_stack(stack)).beginnings
    assert one is same and one is not None and none is None
    assert (one.phases, one.record, one.runs, one.epochs) == (1, shared.record, 2, 0)
    assert [array.tobytes() for array in one.weights] == [array.tobytes() for array in shared.weights]
    assert state is not None and state.epochs == 3 and state.state is not None and state.weights == []
    assert state.state.arrays[0].tobytes() == np.float32(0.1).tobytes()


def test_runs_of_parts_come_back(auto: object) -> None:  # noqa: ARG001
    from pipeline.engine.stacks import Stack
    from pipeline.executors.serialization import pack_stack, unpack_stack

    whole = run({"phases": [{"training": {"epochs": 3}}, {"trainable": "head"}]})
    for part in (whole.beginning(1), run(kind="trial", epochs=1)):
        again = unpack_stack(pack_stack(Stack((part,), "fused", "one graph")))
        assert again.runs == (part,) and again.runs[0].phases == part.phases


def test_trained_runs_come_back_in_every_bit(auto: object) -> None:  # noqa: ARG001
    from pipeline.engine.jobs import TrainedRun
    from pipeline.executors.serialization import from_bytes, pack_trained, to_bytes, unpack_trained

    third = 1 / 3
    weights = [np.float32([[third, -0.0]]), np.uint32([7, 2**32 - 1]), np.float32(5.0), np.empty((0, 3))]
    runs = [run(seed=0), run(seed=0, kind="trial"), run(seed=1)]
    trained = [
        TrainedRun(record(runs[0], third), weights),
        TrainedRun(record(runs[1]), weights),
        TrainedRun(record(runs[2], outcome="diverged"), None),
    ]
    received = unpack_trained(*from_bytes(to_bytes(*pack_trained(trained))))
    assert [run.record for run in received] == [run.record for run in trained]
    assert received[1].weights is None and received[2].weights is None  # a trial's are not stored
    for mine, its in zip(received[0].weights or [], weights, strict=True):
        assert mine.tobytes() == its.tobytes() and mine.shape == its.shape and mine.dtype == its.dtype


def test_messages_come_back_as_they_were(auto: object) -> None:  # noqa: ARG001
    from pipeline.executors.messages import EpochReport, Failed, Started, Trained
    from pipeline.executors.serialization import pack_message, unpack_message

    for message in (Started("node"), EpochReport(2, [{"loss": [2.0, 1 / 3]}]), Failed("no data", True)):
        assert unpack_message(pack_message(message)) == message
    arrays = [np.float32([[1 / 3, -0.0]]), np.uint32([7])]
    trained = unpack_message(pack_message(Trained("[]", arrays, 123)))
    assert isinstance(trained, Trained) and (trained.runs, trained.held) == ("[]", 123)
    assert [array.tobytes() for array in trained.arrays] == [array.tobytes() for array in arrays]


def test_what_is_no_number_is_not_sent(auto: object) -> None:  # noqa: ARG001
    from pipeline.engine.jobs import TrainedRun
    from pipeline.executors.serialization import pack_trained

    with pytest.raises(ValueError, match="JSON"):
        pack_trained([TrainedRun(record(run(), float("nan")), None)])
