"""The JSON Schema: up to date with the types, and in agreement with the checks on what it can express."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.params import json_schema
from pipeline.params.load import parse

from .cases import BASE, study

SCHEMA = json_schema.json_schema()
ROOT = Path(__file__).parents[2]
TYPES: dict[str, Any] = {
    "object": dict,
    "array": list | tuple,
    "string": str,
    "integer": int,
    "number": int | float,
    "boolean": bool,
    "null": None.__class__,
}


def is_type(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, TYPES[name])


def fits(value: Any, schema: Any) -> bool:
    """Return whether `value` satisfies `schema`, for the keywords that our schema uses."""
    if schema is True or not schema:
        return True
    if "$ref" in schema and not fits(value, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]):
        return False
    if "anyOf" in schema and not any(fits(value, option) for option in schema["anyOf"]):
        return False
    return all(rules(value, schema))


def rules(value: Any, schema: dict[str, Any]) -> Iterator[bool]:
    kinds = schema.get("type", [])
    yield not kinds or any(is_type(value, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds))
    yield "enum" not in schema or value in schema["enum"]
    yield "const" not in schema or value == schema["const"]
    if isinstance(value, str):
        yield re.search(schema.get("pattern", ""), value) is not None
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield schema.get("minimum", value) <= value <= schema.get("maximum", value)
        yield schema.get("exclusiveMinimum", value - 1) < value < schema.get("exclusiveMaximum", value + 1)
    if isinstance(value, list):
        yield schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))
        yield all(fits(item, schema.get("items")) for item in value)
    if isinstance(value, dict):
        yield schema.get("minProperties", 0) <= len(value)
        yield set(schema.get("required", ())) <= value.keys()
        yield all(fits(item, member(schema, key)) for key, item in value.items())


def member(schema: dict[str, Any], key: str) -> Any:
    if key in schema.get("properties", {}):
        return schema["properties"][key]
    other = schema.get("additionalProperties", True)
    return {"enum": []} if other is False else other


def references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"].removeprefix("#/$defs/")
        for item in schema.values():
            yield from references(item)
    if isinstance(schema, list):
        for item in schema:
            yield from references(item)


def test_the_file_is_up_to_date() -> None:
    assert (ROOT / json_schema.FILE).read_text(encoding="utf-8") == json_schema.text(), (
        "run `python -m pipeline.params.json_schema` and commit params.schema.json"
    )


def test_write_puts_it_next_to_the_params(tmp_path: Path) -> None:
    assert json.loads(json_schema.write(tmp_path).read_text(encoding="utf-8")) == SCHEMA
    assert [path.name for path in tmp_path.iterdir()] == ["params.schema.json"]


def test_every_reference_leads_somewhere_and_every_definition_is_used() -> None:
    used = set(references(SCHEMA))
    assert used <= SCHEMA["$defs"].keys()
    assert SCHEMA["$defs"].keys() <= used


WRITTEN: list[dict[str, Any]] = [
    {"variants": {"a": None, "b": {"schedule": None}}},
    {"variants": {"a": {"model": {"activation": "leaky_relu", "initializer": "HeNormal"}}}},
    {"variants": {"a": {"model": {"activation": {"name": "leaky_relu", "negative_slope": 0.3}}}}},
    {"variants": {"a": {"model": {"activation": {"max_value": 6}}}}},
    {
        "variants": {
            "a": {"model": {"layers": [{"filters": 8, "kernel_size": 3}, "max_pooling2d", "flatten", 64]}}
        }
    },
    {
        "variants": {
            "a": {"model": {"normalisation": "before"}},
            "b": {"model": {"normalisation": ["input", "after"]}},
        }
    },
    {"variants": {"a": {"optimizer": "sgd"}, "b": {"optimizer": {"learning_rate": 0.1}}}},
    {"variants": {"a": {"schedule": {"name": "power", "steps": 10}}, "b": {"schedule": "cosine"}}},
    {"variants": {"a": {"regularisation": {"dropout": 0.2}}, "b": {"regularisation": {"dropout": None}}}},
    {"variants": {"a": {"phases": [{"data": {"classes": [0, 1]}}, {"trainable": {"top": 1}, "reuse": 2}]}}},
    {"variants": {"a": {"reference": {"accuracy": 0.9, "source": "a book"}}}},
    {"ladder": {"a": {}, "b": {"training": {"loss": "mse", "early_stopping": {"patience": 3}}}}},
    {
        "grid": {
            "act": {"relu": {}, "selu": {"model": {"activation": "selu"}}},
            "training.batch_size": [8, 32],
        }
    },
    {
        "variants": {"a": {}},
        "tune": {"trials": 3, "space": {"optimizer.learning_rate": {"log": [0.001, 0.1]}}},
    },
    {"variants": {"a": {}}, "base": {"data": {"validation": 0.1, "per_class": 20}}, "margin": 1},
]


@pytest.mark.parametrize("entry", WRITTEN)
def test_what_the_checks_accept_the_schema_accepts(entry: dict[str, Any]) -> None:
    raw = study()
    raw["ablations"]["one"] = {"question": "Which?", **entry}
    parse(raw)
    assert fits(raw, SCHEMA)


@pytest.mark.parametrize(
    "executor",
    [
        {"kind": "local", "threads": 2},
        {"kind": "processes", "workers": 4, "lives": 10, "memory": 2.5},
        {"kind": "ray", "address": "127.0.0.1:6379", "workers": 100, "gpu_memory": 16},
    ],
)
def test_the_schema_accepts_every_executor(executor: dict[str, Any]) -> None:
    pytest.importorskip("ray", reason="Ray is not installed (extra [ray])")
    raw = {**study(), "executor": executor}
    parse(raw)
    assert fits(raw, SCHEMA) and not fits({**study(), "executor": {**executor, "worker": 1}}, SCHEMA)


@pytest.mark.parametrize(
    "entry",
    [
        {"variants": {"a": {"modell": {}}}},
        {"variants": {"a": {"model": {"activation": "sleu"}}}},
        {"variants": {"a": {"model": {"activation": {"name": "sleu"}}}}},
        {"variants": {"a": {"model": {"layers": [0]}}}},
        {"variants": {"a": {"model": {"layers": [{"unit": 3}]}}}},
        {"variants": {"a": {"optimizer": {"learning_rate": -1}}}},
        {"variants": {"a": {"regularisation": {"dropout": 1}}}},
        {"variants": {"a": {"data": {"scale": "minmax"}}}},
        {"variants": {"a": {"phases": [{"epochs": 3}]}}},
        {"variants": {}},
        {"grid": {"a": "b"}},
        {"variants": {"a": {}}, "tune": {"trials": 0, "space": {"training.epochs": {"int": [1, 2]}}}},
        {"variants": {"a": {}}, "tune": {"trials": 1, "space": {"training.epochs": {"ints": [1, 2]}}}},
        {"variants": {"a": {}}, "metric": 1},
    ],
)
def test_what_the_schema_can_refuse_it_refuses(entry: dict[str, Any]) -> None:
    raw = study()
    raw["ablations"]["one"] = {"question": "Which?", **entry}
    assert not fits(raw, SCHEMA)


def test_the_base_must_be_complete() -> None:
    raw = study({key: value for key, value in BASE.items() if key != "training"})
    assert not fits(raw, SCHEMA)
    assert fits(study(), SCHEMA)
