"""The examples in docs/params.md are valid."""

import re
from pathlib import Path
from typing import Any

import pytest

from pipeline.params.expansion.expand import expand
from pipeline.params.load import parse
from pipeline.params.yaml_file import parse as parse_text

from .cases import study

TEXT = (Path(__file__).parents[2] / "docs" / "params.md").read_text(encoding="utf-8")
WHOLE, PHASES, WAYS, REFERENCE, TUNE, DIAGNOSTICS, EXECUTORS = re.findall(
    r"```yaml\n(.*?)```", TEXT, re.DOTALL
)


def plain(text: str) -> Any:
    value, faults = parse_text(text)
    assert faults == []
    return value


def test_the_whole_file() -> None:
    assert list(parse(plain(WHOLE)).ablations) == ["activations"]


def test_phases_and_tuning() -> None:
    parse(study(variants={"transfer": plain(PHASES)}, **plain(TUNE)))


def test_published_values() -> None:
    parse(study(variants={"plain": plain(REFERENCE)}))


def test_each_way_to_write_variants() -> None:
    ways = plain(WAYS)
    assert list(ways) == ["variants", "grid", "ladder", "leave_one_out"]
    for kind, written in ways.items():
        assert expand(parse(study(**{kind: written})), "one").kind == kind


def test_diagnostics() -> None:
    assert parse({**study(), **plain(DIAGNOSTICS)}).evaluation.mc_samples == 100


def test_every_executor_that_is_shown_is_accepted() -> None:
    pytest.importorskip("ray", reason="Ray is not installed (extra [ray])")
    shown = EXECUTORS.strip().splitlines()
    kinds = [parse({**study(), **plain(line)}).executor.kind for line in shown]
    assert kinds == ["local", "processes", "ray"]
