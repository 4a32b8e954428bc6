"""Stacks, data sets, trained runs and messages as plain data: JSON text, and arrays next to it. No live object is sent."""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import UserError
from pipeline.data.catalogue import is_user_defined
from pipeline.data.prepare import from_arrays, load
from pipeline.engine.datasets import DatasetViews
from pipeline.engine.jobs import Beginning, Checkpoint, TrainedRun
from pipeline.engine.stacks import Stack
from pipeline.executors.messages import Message
from pipeline.params.expansion.resolve import canonical
from pipeline.params.types.recipe import Recipe
from pipeline.runs.fingerprint import LIBRARIES
from pipeline.runs.records import RunRecord
from pipeline.runs.resample import Resample
from pipeline.runs.run import Context, Run

Arrays = list[NDArray[Any]]
PLAIN = ("kind", "seed", "fold", "until", "epochs", "key")
"""The fields of a run that are plain data."""
MESSAGES = {kind.__name__: kind for kind in get_args(Message)}


def pack_stack(stack: Stack) -> bytes:
    """Return a stack as bytes; `unpack_stack` restores it on any machine."""
    runs = [
        {
            "recipe": canonical(run.recipe),
            "resample": run.resample and vars(run.resample),
            **{name: getattr(run, name) for name in PLAIN},
        }
        for run in stack.runs
    ]
    begun, arrays = _pack_beginnings(stack.beginnings)
    plain = {"engine": stack.engine, "reason": stack.reason, "small": stack.small, "beginnings": begun}
    context = asdict(stack.runs[0].context)
    return to_bytes(json.dumps({**plain, "context": context, "runs": runs, "versions": _versions()}), arrays)


def unpack_stack(packed: bytes) -> Stack:
    """Return the stack that was packed.

    Raises `UserError` where a run has another key here: other code or other libraries would compute its numbers.
    """
    text, arrays = from_bytes(packed)
    plain = json.loads(text)
    context = Context(**plain["context"])
    runs = tuple(_run(run, context) for run in plain["runs"])
    if [run.key for run in runs] != [run["key"] for run in plain["runs"]]:
        raise UserError(_differences(plain["versions"]))
    beginnings = _unpack_beginnings(plain["beginnings"], arrays)
    return Stack(runs, plain["engine"], plain["reason"], plain["small"], beginnings)


def _run(plain: Mapping[str, Any], context: Context) -> Run:
    fold = plain["fold"]
    recipe = Recipe.model_validate(plain["recipe"])
    pair = None if fold is None else (fold[0], fold[1])
    resample = plain["resample"] and Resample(**plain["resample"])
    return Run(recipe, context, plain["kind"], plain["seed"], pair, plain["until"], plain["epochs"], resample)


def _pack_beginnings(beginnings: Sequence[Beginning | None]) -> tuple[list[Any], Arrays]:
    """Return what of runs is trained already as plain data and arrays; what several begin with is packed once."""
    places: dict[int, int] = {}
    packed: list[Any] = []
    arrays: Arrays = []
    for beginning in beginnings:
        if beginning is None or id(beginning) in places:
            packed.append(None if beginning is None else places[id(beginning)])
            continue
        places[id(beginning)] = len(packed)
        packed.append(
            {
                "phases": beginning.phases,
                "record": beginning.record.as_json(),
                "runs": beginning.runs,
                "weights": len(beginning.weights),
                "state": _plain_state(beginning.state),
            }
        )
        arrays += [*beginning.weights, *_arrays_of(beginning.state)]
    return packed, arrays


def _unpack_beginnings(packed: Sequence[Any], arrays: Sequence[NDArray[Any]]) -> tuple[Beginning | None, ...]:
    remaining = iter(arrays)
    beginnings: list[Beginning | None] = []
    for plain in packed:
        if not isinstance(plain, dict):
            beginnings.append(None if plain is None else beginnings[plain])
            continue
        weights = list(islice(remaining, plain["weights"]))
        record, state = RunRecord.from_json(plain["record"]), _state(plain["state"], remaining)
        beginnings.append(Beginning(plain["phases"], record, weights, plain["runs"], state))
    return tuple(beginnings)


def _plain_state(state: Checkpoint | None) -> list[Any] | None:
    return None if state is None else [state.plain, len(state.arrays)]


def _arrays_of(state: Checkpoint | None) -> Arrays:
    return [] if state is None else state.arrays


def _state(plain: Sequence[Any] | None, arrays: Iterator[NDArray[Any]]) -> Checkpoint | None:
    """Return what `_plain_state` was made of, with the next of `arrays`."""
    return None if plain is None else Checkpoint(plain[0], list(islice(arrays, plain[1])))


def _versions() -> dict[str, str]:
    return {library: version(library) for library in LIBRARIES}


def _differences(theirs: Mapping[str, str]) -> str:
    """Return the message of a worker that would train other runs; `theirs` are the versions where the stack was packed."""
    ours = _versions()
    other = [
        f"{name} is {ours[name]} there, {theirs[name]} here" for name in ours if ours[name] != theirs[name]
    ]
    reason = ", ".join(other) or "its copy of the pipeline, or of a class of your own, differs"
    return f"a worker would train other runs than those requested: {reason}; make the environments equal"


def pack_trained(trained: Sequence[TrainedRun]) -> tuple[str, Arrays]:
    """Return trained runs as text and arrays; of trials only what they go on from, since their weights are not stored."""
    arrays: Arrays = []
    plain = []
    for run in trained:
        weights = None if run.record.kind == "trial" else run.weights
        entry = {"record": run.record.as_json(), "weights": None if weights is None else len(weights)}
        plain.append({**entry, "state": _plain_state(run.state)})
        arrays += [*(weights or ()), *_arrays_of(run.state)]
    return json.dumps(plain, allow_nan=False), arrays


def unpack_trained(text: str, arrays: Sequence[NDArray[Any]]) -> list[TrainedRun]:
    """Return the trained runs that were packed."""
    remaining = iter(arrays)
    return [
        TrainedRun(
            RunRecord.from_json(run["record"]),
            None if run["weights"] is None else list(islice(remaining, run["weights"])),
            _state(run["state"], remaining),
        )
        for run in json.loads(text)
    ]


def pack_data(dataset: str, root: Path) -> dict[str, Any]:
    """Return a prepared data set as its arrays and its record; raises `DataError` where it is not prepared."""
    prepared = load(dataset, root)
    arrays = {name: np.ascontiguousarray(array) for name, array in prepared.arrays().items()}
    return {"arrays": arrays, "record": prepared.record}


def unpack_data(packed: Mapping[str, Any]) -> DatasetViews:
    """Return views of the data set that was packed; they use its arrays without copying them."""
    record = packed["record"]
    own = is_user_defined(record.name)
    return DatasetViews(from_arrays(record, packed["arrays"]), shuffles=own)


def pack_message(message: Message) -> bytes:
    """Return a worker's message as bytes."""
    fields = dict(vars(message))
    arrays = fields.pop("arrays", ())
    return to_bytes(json.dumps([type(message).__name__, fields]), arrays)


def unpack_message(data: bytes) -> Message:
    """Return the message that was packed."""
    text, arrays = from_bytes(data)
    name, fields = json.loads(text)
    message: Message = MESSAGES[name](**fields, **({"arrays": arrays} if name == "Trained" else {}))
    return message


def to_bytes(text: str, arrays: Sequence[NDArray[Any]] = ()) -> bytes:
    """Return text and arrays as bytes, in numpy's own format, without pickle."""
    buffer = io.BytesIO()
    named = {str(index): array for index, array in enumerate(arrays)}
    np.savez(buffer, allow_pickle=False, text=np.frombuffer(text.encode(), np.uint8), **named)
    return buffer.getvalue()


def from_bytes(data: bytes) -> tuple[str, Arrays]:
    """Return the text and arrays that `to_bytes` was given."""
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        arrays = [archive[str(index)] for index in range(len(archive.files) - 1)]
        return archive["text"].tobytes().decode(), arrays
