"""Stacks, data sets and trained runs as plain data, to be sent: JSON text, and arrays beside it. No live object travels."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.data import catalogue
from pipeline.data.prepare import Images, load
from pipeline.engine.auto import Stack
from pipeline.engine.protocol import TrainedRun
from pipeline.engine.views import Views
from pipeline.errors import UserError
from pipeline.params.expand import canonical
from pipeline.params.recipe import Recipe
from pipeline.records import EngineRecord, RunRecord
from pipeline.runs import LIBRARIES, Context, Run

Arrays = list[NDArray[Any]]
PIXELS = ("x_train", "y_train", "x_test", "y_test")


def pack_stack(stack: Stack) -> str:
    """Return a stack as text; `unpack_stack` makes it again, anywhere."""
    runs = [
        {
            "recipe": canonical(run.recipe),
            "phase": run.phase,
            "seed": run.seed,
            "fold": run.fold,
            "key": run.key,
        }
        for run in stack.runs
    ]
    plain = {"engine": stack.engine, "reason": stack.reason, "small": stack.small}
    return json.dumps(
        {**plain, "context": asdict(stack.runs[0].context), "runs": runs, "versions": _versions()}
    )


def unpack_stack(text: str) -> Stack:
    """Return the stack that was packed.

    Raises `UserError` where a run would have another key here: its numbers would be another program's.
    """
    plain = json.loads(text)
    context = Context(**plain["context"])
    runs = tuple(_run(each, context) for each in plain["runs"])
    if [run.key for run in runs] != [each["key"] for each in plain["runs"]]:
        raise UserError(_differing(plain["versions"]))
    return Stack(runs, plain["engine"], plain["reason"], plain["small"])


def _run(plain: Mapping[str, Any], context: Context) -> Run:
    fold = plain["fold"]
    recipe = Recipe.model_validate(plain["recipe"])
    return Run(recipe, context, plain["phase"], plain["seed"], None if fold is None else (fold[0], fold[1]))


def _versions() -> dict[str, str]:
    return {library: version(library) for library in LIBRARIES}


def _differing(theirs: Mapping[str, str]) -> str:
    ours = _versions()
    other = [
        f"{name} is {ours[name]} there, {theirs[name]} here" for name in ours if ours[name] != theirs[name]
    ]
    reason = ", ".join(other) or "its copy of the pipeline, or of a class of your own, differs"
    return f"a worker would train other runs than were asked for: {reason}; make the environments equal"


def pack_trained(trained: Sequence[TrainedRun]) -> tuple[str, Arrays]:
    """Return trained runs as text and arrays; of trials, whose weights nobody asks for, the text alone."""
    arrays: Arrays = []
    plain = []
    for each in trained:
        weights = each.weights if each.record.phase == "replicate" else None
        plain.append({"record": asdict(each.record), "weights": None if weights is None else len(weights)})
        arrays += weights or []
    return json.dumps(plain, allow_nan=False), arrays


def unpack_trained(text: str, arrays: Sequence[NDArray[Any]]) -> list[TrainedRun]:
    """Return the trained runs that were packed."""
    left = iter(arrays)
    return [
        TrainedRun(
            RunRecord(**{**each["record"], "engine": EngineRecord(**each["record"]["engine"])}),
            None if each["weights"] is None else [next(left) for _ in range(each["weights"])],
        )
        for each in json.loads(text)
    ]


def pack_data(dataset: str, root: Path) -> dict[str, Any]:
    """Return a prepared data set as a mapping of arrays and plain values; raises `DataError` where it is not prepared."""
    images, record = load(dataset, root), catalogue.lookup(dataset, root)
    arrays = {name: np.ascontiguousarray(getattr(images, name)) for name in PIXELS}
    names = {"class_names": list(images.class_names), "image_shape": list(images.image_shape)}
    return {**arrays, **names, "validation": record.validation, "content": record.digest}


def unpack_data(plain: Mapping[str, Any]) -> Views:
    """Return views of the data set that was packed; its arrays are those given, not copies."""
    images = Images(
        **{name: plain[name] for name in PIXELS},
        class_names=tuple(plain["class_names"]),
        image_shape=tuple(plain["image_shape"]),
    )
    return Views(images, plain["validation"], plain["content"])


def to_bytes(text: str, arrays: Sequence[NDArray[Any]] = ()) -> bytes:
    """Return text and arrays as bytes, in numpy's own format, without pickle."""
    buffer = io.BytesIO()
    named = {str(index): array for index, array in enumerate(arrays)}
    np.savez(buffer, allow_pickle=False, text=np.frombuffer(text.encode(), np.uint8), **named)
    return buffer.getvalue()


def from_bytes(message: bytes) -> tuple[str, Arrays]:
    """Return the text and arrays that were made bytes."""
    with np.load(io.BytesIO(message), allow_pickle=False) as archive:
        arrays = [archive[str(index)] for index in range(len(archive.files) - 1)]
        return archive["text"].tobytes().decode(), arrays
