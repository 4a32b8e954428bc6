"""Shared by the tests of params: a study in plain data, and its faults."""

from collections.abc import Mapping
from typing import Any

from hypothesis import HealthCheck, settings

from pipeline.core.errors import ParamsError
from pipeline.params.load import parse
from pipeline.params.types.recipe import Recipe

# Time limits would only measure how busy the machine is.
UNTIMED = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)

BASE: dict[str, Any] = {
    "model": {"layers": [64, 32]},
    "optimizer": {"name": "nadam", "learning_rate": 0.001},
    "training": {"epochs": 20},
}


def recipe(**patch: Any) -> Recipe:
    return Recipe.model_validate({**BASE, **patch})


def study(base: Mapping[str, Any] = BASE, **ablation: Any) -> dict[str, Any]:
    entry = {"question": "Which?", **(ablation or {"variants": {"plain": {}}})}
    return {"base": base, "ablations": {"one": entry}}


def faults(raw: Any) -> list[str]:
    """Return the faults of a study in plain data, if any."""
    try:
        parse(raw)
    except ParamsError as error:
        return error.faults
    return []


def only_fault(raw: Any) -> str:
    sentences = faults(raw)
    assert len(sentences) == 1, sentences
    return sentences[0]


def accepted(base: Mapping[str, Any]) -> Recipe | None:
    """Return the recipe in plain data where `check` finds no fault, else None; each fault is one line."""
    try:
        return parse(study(base)).base
    except ParamsError as error:
        assert all(fault and "\n" not in fault for fault in error.faults)
        return None
