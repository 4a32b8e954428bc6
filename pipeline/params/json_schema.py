"""The JSON Schema of params.yaml, made from the types, by which editors complete and check it while it is written."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from pipeline.data.catalogue import CATALOGUE
from pipeline.params.keras_names import catalogue
from pipeline.params.keras_names.catalogue import Namespace
from pipeline.params.keras_names.vocabulary import allowed_names
from pipeline.params.spec import DEFINITION
from pipeline.params.types.budget import PART
from pipeline.params.types.built_model import BuiltModel
from pipeline.params.types.dataset import DatasetSpec
from pipeline.params.types.evaluation import FINDER, SWITCHES
from pipeline.params.types.layers import PLACES, ConvLayer, DenseLayer
from pipeline.params.types.recipe import ModelSpec, OptimizerSpec, Output
from pipeline.params.types.reference import PublishedNumber
from pipeline.params.types.replicates import KINDS as REPLICATES
from pipeline.params.types.schedules import OURS
from pipeline.params.types.seeds import MOST, SeedPlan
from pipeline.params.types.study import Extras, Relative, Study
from pipeline.params.types.tune import HP
from pipeline.params.types.tune import KINDS as RANGES

FILE = "params.schema.json"
Json = dict[str, Any]

NULL: Json = {"type": "null"}
PLUGIN: Json = {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*$"}
PARTIAL = {
    "DataPatch": "DataSpec",
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
    kinds: list[type[BaseModel]] = [Study, Extras, OptimizerSpec, Output, DenseLayer, ConvLayer]
    kinds += [
        ModelSpec,
        BuiltModel,
        DatasetSpec,
        Relative,
        SeedPlan,
        PublishedNumber,
        *RANGES.values(),
        *dict.fromkeys(REPLICATES.values()),
        *SWITCHES.values(),
    ]
    _, generated = models_json_schema([(kind, "validation") for kind in kinds])
    typed = generated["$defs"]
    typed["PhaseSpec"]["properties"]["from"] = {"type": "string", "pattern": "^[^/]+/[^/]+$"}
    definitions: Json = _with_references({**typed, **_names(typed), **_forms(), **_patches(typed)})
    study = definitions.pop("Study")
    used = sorted(_used(study, definitions))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **study,
        "$defs": {name: definitions[name] for name in used},
    }


def text() -> str:
    """Return the JSON Schema as the text of its file."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


def write(folder: Path) -> Path:
    """Write the JSON Schema next to a params file in `folder`, and return its path."""
    path = folder / FILE
    path.write_text(text(), encoding="utf-8")
    return path


def _names(typed: Json) -> Json:
    """Return the definitions of what Keras has by name; a patch may leave the name out and change arguments alone."""
    rate = {"type": "number", "minimum": 0, "exclusiveMaximum": 1}
    where = {"where": {"enum": ["before", "after"]}}
    return {
        "activation": {"anyOf": _named_forms(["activations", "activation_layers"])},
        "initializer": {"anyOf": _named_forms(["initializers"])},
        "regularizer": {"anyOf": _named_forms(["regularizers"])},
        "constraint": {"anyOf": _named_forms(["constraints"])},
        "loss": {"anyOf": _named_forms(["losses"])},
        "schedule": {"anyOf": _named_forms(["schedules"], OURS)},
        "optimizer": {"anyOf": _named_forms(["optimizers"], properties=typed["OptimizerSpec"]["properties"])},
        "dropout": {"anyOf": [rate, *_named_forms(["noise"], properties=where)]},
        "metric": {"anyOf": _named_forms(["metrics"], ["accuracy"])},
        "augmentation": {"anyOf": _named_forms(["augmentation", "noise"])},
    }


def _named_forms(
    spaces: list[Namespace], ours: Iterable[str] = (), properties: Json | None = None
) -> list[Json]:
    """Return the two forms of a name: alone, or in a mapping with its arguments."""
    word = {"anyOf": [{"enum": [*ours, *_spellings(spaces)]}, PLUGIN]}
    return [word, {"type": "object", "properties": {**(properties or {}), "name": word}}]


def _spellings(spaces: Iterable[Namespace]) -> list[str]:
    """Return the spellings of each name: in snake case first, as most files have it, then in lower case and Keras's own."""
    spellings = [
        form for name in allowed_names(*spaces) for form in (catalogue.snake_case(name), name.lower(), name)
    ]
    return list(
        dict.fromkeys([*spellings, *(alias for space in spaces for alias in catalogue.aliases(space))])
    )


def _forms() -> Json:
    """Return the definitions of what may be written in several forms."""
    side = {"type": "integer", "minimum": 1}
    blocks = [_reference(kind.__name__) for kind in (DenseLayer, ConvLayer)]
    ranges = [_reference(kind.__name__) for kind in RANGES.values()]
    where: list[Json] = [
        {"enum": ["none", *PLACES]},
        {"type": "array", "items": {"enum": list(PLACES)}},
    ]
    word, mapping = _named_forms(["layers"])
    return {
        "layer": {"anyOf": [side, *blocks, word, {**mapping, "required": ["name"]}]},
        "pair": {"anyOf": [side, {"type": "array", "items": side, "minItems": 2, "maxItems": 2}]},
        "places": {"anyOf": [*where, _with_where(where)]},
        "output": {"anyOf": [{"const": "none"}, _reference("Output")]},
        "published": {"anyOf": [{"type": "number"}, _reference("PublishedNumber"), NULL]},
        "range": {"anyOf": ranges},
        "dataset": {"anyOf": [{"enum": list(CATALOGUE)}, PLUGIN, _reference("DatasetSpec")]},
        "names": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        "model": {"anyOf": [_reference("ModelSpec"), _reference("BuiltModel")]},
        "margin": {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, _reference("Relative")]},
        "budget": {"type": "string", "pattern": rf"^(\s*{PART.pattern})+\s*$"},
        "seeds": {"anyOf": [{"type": "integer", "minimum": 1, "maximum": MOST}, _reference("SeedPlan")]},
        "replicates": {"anyOf": [_reference(kind.__name__) for kind in dict.fromkeys(REPLICATES.values())]},
        "datasets": {"type": "array", "items": {DEFINITION: "dataset"}, "minItems": 2},
        "target": {**_mapping_of({"type": "number"}), "maxProperties": 1},
        "space": {"anyOf": [{**_mapping_of(_reference("range")), "minProperties": 1}, {"const": HP}]},
        "rate": {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"const": FINDER}]},
        **{name: _switch(kind.__name__) for name, kind in SWITCHES.items()},
    }


def _with_where(where: list[Json]) -> Json:
    """Return the schema of batch normalisation with arguments of its own."""
    return {"type": "object", "properties": {"where": {"anyOf": where}}}


def _switch(kind: str) -> Json:
    """Return the schema of what may be turned on and off, or given settings."""
    return {"anyOf": [{"type": "boolean"}, _reference(kind), NULL]}


def _patches(typed: Json) -> Json:
    """Return the definitions of partial sections: nothing is required, and a null resets to the default."""
    partial = {name: _partial(typed[whole]) for name, whole in PARTIAL.items()}
    chain, built = _partial(typed["ModelSpec"]), _partial(typed["BuiltModel"])
    partial["ModelPatch"] = {
        "type": "object",
        "properties": {**built["properties"], **chain["properties"]},
    }
    recipe = partial["RecipePatch"]
    recipe["properties"] |= {section: _or_null({DEFINITION: patch}) for section, patch in SECTIONS.items()}
    variant = {**recipe, "properties": {**recipe["properties"], **typed["Extras"]["properties"]}}
    values = {"type": "array", "items": {"type": ["string", "number", "boolean"]}, "minItems": 1}
    return {
        **partial,
        "Variant": variant,
        "patches": _mapping_of(_or_null({DEFINITION: "Variant"})),
        "leave_one_out": {
            "anyOf": [
                _mapping_of(_or_null({DEFINITION: "Variant"})),
                *(
                    {"type": "object", "properties": {kind: items}, "required": [kind], "maxProperties": 1}
                    for kind, items in LISTS.items()
                ),
            ]
        },
        "grid": _mapping_of({"anyOf": [_mapping_of(_or_null({DEFINITION: "RecipePatch"})), values]}),
    }


NAMES: Json = {"type": "array", "items": {"type": "string"}, "minItems": 1}
LISTS: Json = {"layers": NAMES, "features": {"anyOf": [{"const": "all"}, NAMES]}}


def _mapping_of(schema: Json) -> Json:
    return {"type": "object", "additionalProperties": schema, "minProperties": 1}


def _partial(whole: Json) -> Json:
    properties = {key: _or_null(value) for key, value in whole["properties"].items()}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _or_null(schema: Json) -> Json:
    return {"anyOf": [schema, NULL]}


def _with_references(schema: Any) -> Any:
    """Return the schema with references for the marks of `defined_as`, without the titles, which only repeat the keys."""
    if isinstance(schema, list):
        return [_with_references(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if DEFINITION in schema:
        return _reference(schema[DEFINITION])
    entries = (
        (key, value) for key, value in schema.items() if not (key == "title" and isinstance(value, str))
    )
    return {key: _with_references(value) for key, value in entries}


def _reference(name: str) -> Json:
    return {"$ref": f"#/$defs/{name}"}


def _used(schema: Json, definitions: Json) -> set[str]:
    """Return the names of the definitions that a schema refers to, directly or through others."""
    pending, used = [schema], set[str]()
    while pending:
        new = set(_references(pending.pop())) - used
        used |= new
        pending += (definitions[name] for name in new)
    return used


def _references(schema: Any) -> Iterator[str]:
    items = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    if isinstance(schema, dict) and "$ref" in schema:
        yield schema["$ref"].rpartition("/")[2]
    for item in items:
        yield from _references(item)


if __name__ == "__main__":
    write(Path.cwd())
