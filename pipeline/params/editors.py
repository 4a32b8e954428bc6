"""The JSON Schema of params.yaml, made from the types, for editors to complete and check as it is typed."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from pipeline.params import catalogue, schedules
from pipeline.params.layers import PLACES, ConvLayer, DenseLayer
from pipeline.params.names import allowed_names
from pipeline.params.schema import BUILT_IN, Extras, OptimizerSpec, Study
from pipeline.params.spaces import KINDS as RANGES

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
    "optimizer": "OptimizerPatch",
    "schedule": "SchedulePatch",
    "regularisation": "RegularisationPatch",
    "training": "TrainingPatch",
}


def json_schema() -> Json:
    """Return the JSON Schema (draft 2020-12) of a params file, with the installed Keras's names."""
    kinds: list[type[BaseModel]] = [Study, Extras, OptimizerSpec, DenseLayer, ConvLayer, *RANGES.values()]
    _, typed = models_json_schema([(kind, "validation") for kind in kinds])
    definitions = {**typed["$defs"], **_names(typed["$defs"]), **_forms(), **_patches(typed["$defs"])}
    study = definitions.pop("Study")
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **study, "$defs": definitions}
    found: Json = _referring(whole)
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
    """Return the definitions of what is called by a name of Keras."""
    rate = {"type": "number", "minimum": 0, "exclusiveMaximum": 1}
    noise = _named(catalogue.names("noise"), where={"enum": ["before", "after"]})
    return {
        "activation": _named(allowed_names("activations", "activation_layers")),
        "initializer": _named(catalogue.names("initializers")),
        "regularizer": _named(catalogue.names("regularizers")),
        "constraint": _named(catalogue.names("constraints")),
        "loss": _named(catalogue.names("losses")),
        "schedule": _named([*schedules.our_names(), *catalogue.names("schedules")]),
        "optimizer": _named(catalogue.names("optimizers"), **typed["OptimizerSpec"]["properties"]),
        "dropout": {"anyOf": [rate, *noise["anyOf"]]},
    }


def _named(names: Iterable[str], **properties: Any) -> Json:
    word = {"anyOf": [{"enum": _spellings(names)}, PLUGIN]}
    mapping = {"type": "object", "properties": {**properties, "name": word}, "required": ["name"]}
    return {"anyOf": [word, mapping]}


def _spellings(names: Iterable[str]) -> list[str]:
    """Return each name in snake case first, as files are mostly written, then as Keras spells it."""
    spelt = [form for name in names for form in (_snake(name), name.lower(), name)]
    return list(dict.fromkeys(spelt))


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
    return {
        "layer": {"anyOf": [side, *blocks, *_named(catalogue.names("layers"))["anyOf"]]},
        "pair": {"anyOf": [side, {"type": "array", "items": side, "minItems": 2, "maxItems": 2}]},
        "places": {"anyOf": [{"enum": ["none", *PLACES]}, {"type": "array", "items": places}]},
        "range": {"anyOf": ranges},
        "dataset": {"anyOf": [{"enum": list(BUILT_IN)}, PLUGIN]},
    }


def _patches(typed: Json) -> Json:
    """Return the definitions of partial sections: nothing is required, and a null resets to the default."""
    found = {name: _partial(typed[whole]) for name, whole in PARTIAL.items()}
    found["OptimizerPatch"] = _unnamed(_names(typed)["optimizer"])
    found["SchedulePatch"] = _unnamed(_names(typed)["schedule"])
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


def _unnamed(named: Json) -> Json:
    """Return a named thing whose name may be left to the recipe that is patched."""
    word, mapping = named["anyOf"]
    return {"anyOf": [word, {key: value for key, value in mapping.items() if key != "required"}]}


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
