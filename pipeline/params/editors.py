"""The JSON Schema of params.yaml, made from the types, for editors to complete and check as it is typed."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from pipeline.data.catalogue import CATALOGUE
from pipeline.params import catalogue, schedules
from pipeline.params.catalogue import Namespace
from pipeline.params.evaluation import FINDER, SWITCHES
from pipeline.params.layers import PLACES, ConvLayer, DenseLayer
from pipeline.params.schema import Extras, OptimizerSpec, Study
from pipeline.params.spaces import KINDS as RANGES
from pipeline.params.vocabulary import allowed_names

FILE = "params.schema.json"
Json = dict[str, Any]

NULL: Json = {"type": "null"}
PLUGIN: Json = {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*$"}
PARTIAL = {
    "DataPatch": "DataSpec",
    "ModelPatch": "ModelSpec",
    "RegularisationPatch": "RegularisationSpec",
    "TrainingPatch": "TrainingSpec",
    "RecipePatch": "Recipe",
}
SECTIONS = {
    "data": "DataPatch",
    "model": "ModelPatch",
    "optimizer": "optimizer",
    "schedule": "schedule",
    "regularisation": "RegularisationPatch",
    "training": "TrainingPatch",
}


def json_schema() -> Json:
    """Return the JSON Schema (draft 2020-12) of a params file, with the installed Keras's names."""
    kinds: list[type[BaseModel]] = [Study, Extras, OptimizerSpec, DenseLayer, ConvLayer, *RANGES.values()]
    kinds += SWITCHES.values()
    _, typed = models_json_schema([(kind, "validation") for kind in kinds])
    definitions = {**typed["$defs"], **_names(typed["$defs"]), **_forms(), **_patches(typed["$defs"])}
    study = definitions.pop("Study")
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **study, "$defs": definitions}
    found: Json = _referring(whole)
    found["$defs"] = {name: found["$defs"][name] for name in sorted(_reached(found, found["$defs"]))}
    return found


def text() -> str:
    """Return the JSON Schema as the file holds it."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


def write(folder: Path) -> Path:
    """Write the JSON Schema beside a params file in `folder`, and return its path."""
    path = folder / FILE
    path.write_text(text(), encoding="utf-8")
    return path


def _names(typed: Json) -> Json:
    """Return what is called by a name of Keras; a patch may leave the name to what it patches."""
    rate = {"type": "number", "minimum": 0, "exclusiveMaximum": 1}
    where = {"where": {"enum": ["before", "after"]}}
    return {
        "activation": {"anyOf": _forms_of(["activations", "activation_layers"])},
        "initializer": {"anyOf": _forms_of(["initializers"])},
        "regularizer": {"anyOf": _forms_of(["regularizers"])},
        "constraint": {"anyOf": _forms_of(["constraints"])},
        "loss": {"anyOf": _forms_of(["losses"])},
        "schedule": {"anyOf": _forms_of(["schedules"], schedules.our_names())},
        "optimizer": {"anyOf": _forms_of(["optimizers"], properties=typed["OptimizerSpec"]["properties"])},
        "dropout": {"anyOf": [rate, *_forms_of(["noise"], properties=where)]},
    }


def _forms_of(
    spaces: list[Namespace], ours: Iterable[str] = (), properties: Json | None = None
) -> list[Json]:
    """Return the two ways to write a name: alone, or in a mapping with its arguments."""
    word = {"anyOf": [{"enum": [*ours, *_spellings(spaces)]}, PLUGIN]}
    return [word, {"type": "object", "properties": {**(properties or {}), "name": word}}]


def _spellings(spaces: Iterable[Namespace]) -> list[str]:
    """Return each name in snake case first, as files are mostly written, then as Keras spells it."""
    spelt = [form for name in allowed_names(*spaces) for form in (_snake(name), name.lower(), name)]
    return list(dict.fromkeys([*spelt, *(alias for space in spaces for alias in catalogue.aliases(space))]))


def _snake(name: str) -> str:
    """Return `HeNormal` as `he_normal`, as `keras.src.utils.naming.to_snake_case` does."""
    words = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


def _forms() -> Json:
    """Return the definitions of what may be written in several forms."""
    side = {"type": "integer", "minimum": 1}
    blocks = [{"$ref": f"#/$defs/{kind.__name__}"} for kind in (DenseLayer, ConvLayer)]
    ranges = [{"$ref": f"#/$defs/{kind.__name__}"} for kind in RANGES.values()]
    places = {"enum": list(PLACES)}
    word, mapping = _forms_of(["layers"])
    return {
        "layer": {"anyOf": [side, *blocks, word, {**mapping, "required": ["name"]}]},
        "pair": {"anyOf": [side, {"type": "array", "items": side, "minItems": 2, "maxItems": 2}]},
        "places": {"anyOf": [{"enum": ["none", *PLACES]}, {"type": "array", "items": places}]},
        "range": {"anyOf": ranges},
        "dataset": {"anyOf": [{"enum": list(CATALOGUE)}, PLUGIN]},
        "rate": {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"const": FINDER}]},
        **{name: _switch(kind.__name__) for name, kind in SWITCHES.items()},
    }


def _switch(kind: str) -> Json:
    """Return what may be turned on and off, or given settings."""
    return {"anyOf": [{"type": "boolean"}, {"$ref": f"#/$defs/{kind}"}, NULL]}


def _patches(typed: Json) -> Json:
    """Return the definitions of partial sections: nothing is required, and a null resets to the default."""
    found = {name: _partial(typed[whole]) for name, whole in PARTIAL.items()}
    recipe = found["RecipePatch"]
    recipe["properties"] |= {section: _or_null({"shape": patch}) for section, patch in SECTIONS.items()}
    variant = {**recipe, "properties": {**recipe["properties"], **typed["Extras"]["properties"]}}
    levels = {
        "type": "object",
        "additionalProperties": _or_null({"shape": "RecipePatch"}),
        "minProperties": 1,
    }
    values = {"type": "array", "items": {"type": ["string", "number", "boolean"]}, "minItems": 1}
    return {
        **found,
        "Variant": variant,
        "patches": {
            "type": "object",
            "additionalProperties": _or_null({"shape": "Variant"}),
            "minProperties": 1,
        },
        "grid": {"type": "object", "additionalProperties": {"anyOf": [levels, values]}, "minProperties": 1},
    }


def _partial(whole: Json) -> Json:
    properties = {key: _or_null(value) for key, value in whole["properties"].items()}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _or_null(schema: Json) -> Json:
    return {"anyOf": [schema, NULL]}


def _referring(schema: Any) -> Any:
    """Replace the marks of `shape` by references, and drop the titles, which only repeat the keys."""
    if isinstance(schema, list):
        return [_referring(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "shape" in schema:
        return {"$ref": f"#/$defs/{schema['shape']}"}
    return {
        key: _referring(value)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str))
    }


def _reached(schema: Any, definitions: Json) -> set[str]:
    """Return the definitions that a schema, itself left without them, leads to."""
    pending, reached = [{key: value for key, value in schema.items() if key != "$defs"}], set[str]()
    while pending:
        for name in _references(pending.pop()):
            if name not in reached:
                reached.add(name)
                pending.append(definitions[name])
    return reached


def _references(schema: Any) -> Iterator[str]:
    items = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    if isinstance(schema, dict) and "$ref" in schema:
        yield schema["$ref"].rpartition("/")[2]
    for item in items:
        yield from _references(item)


if __name__ == "__main__":
    write(Path.cwd())
