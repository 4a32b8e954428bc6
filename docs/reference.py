"""The pages of the site that are made from the code: every key of params.yaml, and every command."""

import argparse
import json
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from pipeline.cli.commands import parser
from pipeline.params.json_schema import PLUGIN, json_schema

Schema = Mapping[str, Any]

WIDTH = 88
MANY = 12
"""So many names and more are listed below a table, not in it."""
UNBOUNDED = 10**9
MISSING = object()


def keys() -> str:
    """Return the page with every key of params.yaml: its type, its default, and what the type's docstring says."""
    schema = json_schema()
    definitions = schema["$defs"]
    lines = [
        "# Every key",
        "",
        "Made from the types that read params.yaml and from the installed Keras. [params.yaml](/params.md) explains",
        "the keys in their order of importance; this page is for looking one up.",
        "",
        *_section("The study", schema, definitions),
    ]
    for name in _in_order_of_use(schema, definitions):
        lines += _section(name, definitions[name], definitions)
    return "\n".join(lines).rstrip() + "\n"


def commands() -> str:
    """Return the page with every command's help."""
    main = parser()
    lines = ["# Every command", "", "What `keras-ablation COMMAND --help` prints.", ""]
    for name, command in _commands(main):
        command.formatter_class = partial(argparse.HelpFormatter, width=WIDTH)
        help_text = re.sub(r"\x1b\[[0-9;]*m", "", command.format_help()).rstrip()
        lines += [f"## {name}", "", "```text", help_text, "```", ""]
    return "\n".join(lines).rstrip() + "\n"


def _commands(
    main: argparse.ArgumentParser, before: str = ""
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in main._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                yield f"{before}{name}", command
                yield from _commands(command, f"{before}{name} ")


def _section(name: str, schema: Schema, definitions: Mapping[str, Schema]) -> list[str]:
    lines = [f"## {name}", "", *str(schema.get("description", "")).splitlines(), ""]
    names: dict[str, list[str]] = {}
    if "properties" in schema:
        required = schema.get("required", ())
        lines += ["| key | type | default |", "|---|---|---|"]
        for key, value in schema["properties"].items():
            kind = _type(value, key, names, definitions)
            lines.append(f"| `{key}` | {kind} | {_default(value, key in required)} |")
    else:
        lines.append(_type(schema, name, names, definitions))
    for key, listed in names.items():
        lines += ["", f"Names of `{key}`: {', '.join(f'`{one}`' for one in listed)}."]
    return [*lines, ""]


def _type(schema: Schema, key: str, names: dict[str, list[str]], definitions: Mapping[str, Schema]) -> str:
    """Return a type in words; a long list of names goes to `names` instead."""

    def inner(part: Schema) -> str:
        return _type(part, key, names, definitions)

    match schema:
        case {"$ref": reference}:
            name = reference.rpartition("/")[2]
            return f"[{name}](#{name.lower()})"
        case {"anyOf": parts} | {"oneOf": parts}:
            return " or ".join(dict.fromkeys(inner(part) for part in parts))
        case {"const": value}:
            return f"`{_plain(value)}`"
        case {"enum": values}:
            distinct = _distinct([_plain(value) for value in values])
            if len(distinct) < MANY:
                return ", ".join(f"`{value}`" for value in distinct)
            names[key] = distinct
            return "a name (below)"
        case {"pattern": pattern} if pattern == PLUGIN["pattern"]:
            return "your own `module:Name`"
        case {"type": "string", "pattern": pattern}:
            return f"text like `{pattern}`".replace("|", "\\|")
        case {"type": "array"}:
            return f"a list of {inner(schema['items'])}" if schema.get("items") else "a list"
        case {"type": "object", "properties": properties}:
            return "a mapping with " + ", ".join(f"`{name}`" for name in properties)
        case {"type": "object"}:
            values = schema.get("additionalProperties")
            return (
                f"a mapping of names to {inner(values)}"
                if isinstance(values, Mapping) and values
                else "a mapping"
            )
        case {"type": "integer" | "number" as kind}:
            return {"integer": "a whole number", "number": "a number"}[kind] + _bounds(schema)
        case {"type": list() as kinds}:
            return " or ".join(inner({"type": kind}) for kind in kinds)
        case {"type": kind}:
            return {"string": "text", "boolean": "true or false", "null": "null"}[kind]
    return "anything"


def _bounds(schema: Schema) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if most is not None and most >= UNBOUNDED:
        most = None
    bounds = [f"at least {least:g}"] if least is not None else []
    bounds += [f"above {schema['exclusiveMinimum']:g}"] if "exclusiveMinimum" in schema else []
    bounds += [f"at most {most:g}"] if most is not None else []
    bounds += [f"below {schema['exclusiveMaximum']:g}"] if "exclusiveMaximum" in schema else []
    return f", {', '.join(bounds)}" if bounds else ""


def _default(schema: Schema, required: bool) -> str:
    if required:
        return "required"
    default = schema.get("default", MISSING)
    if isinstance(default, Mapping) and default:
        return "that of each of its keys"
    return "" if default is MISSING else f"`{_plain(default)}`"


def _plain(value: object) -> str:
    """Return a value as params.yaml writes it."""
    return json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value


def _distinct(values: list[str]) -> list[str]:
    """Return names without other spellings of the same: `SGD` stands for `sgd` too."""
    spellings: dict[str, str] = {}
    for value in values:
        plain = value.replace("_", "").lower()
        if plain not in spellings or (value[:1].isupper() and not spellings[plain][:1].isupper()):
            spellings[plain] = value
    return list(spellings.values())


def _in_order_of_use(schema: Schema, definitions: Mapping[str, Schema]) -> list[str]:
    """Return the names of definitions as they are met, from the study inwards."""
    order: dict[str, None] = {}
    waiting = [schema]
    while waiting:
        for name in re.findall(
            r"'#/\$defs/([^']+)'", str({k: v for k, v in waiting.pop(0).items() if k != "$defs"})
        ):
            if name not in order:
                order[name] = None
                waiting.append(definitions[name])
    return list(order)
