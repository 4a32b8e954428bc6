"""Any content of a file results in a study or a `ParamsError`, each of its faults one line."""

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import ParamsError
from pipeline.params.load import load, parse
from pipeline.params.types.recipe import Recipe
from pipeline.params.types.study import Ablation, Study
from pipeline.params.yaml_file import parse as parse_text

from .cases import BASE, UNTIMED, study

WORDS = st.sampled_from(
    [
        *Study.model_fields,
        *Recipe.model_fields,
        *Ablation.model_fields,
        *(
            "layers",
            "activation",
            "name",
            "units",
            "filters",
            "kernel_size",
            "dropout",
            "rate",
            "output",
            "choice",
            "log",
            "space",
        ),
        *(
            "relu",
            "sgd",
            "Dropout",
            "power",
            "piecewise",
            "none",
            "before",
            "all",
            "top",
            "a:b",
            "",
            "a",
            "trials",
            "epochs",
            "é",
        ),
        *(
            "optimizer.learning_rate",
            "model.layers.0.units",
            "..",
            "self",
            "l2",
            "flatten",
            "boundaries",
            "factors",
            "reuse",
        ),
    ]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 40),
    st.sampled_from([10**18, -(10**18), 0.0, 0.5, -1.5, 1e300, 1e-300]),
    WORDS,
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


def check(raw: Any) -> None:
    try:
        parse(raw)
    except ParamsError as error:
        assert error.faults
        assert all(fault and "\n" not in fault for fault in error.faults), error.faults


@UNTIMED
@given(VALUES)
def test_any_structure(raw: Any) -> None:
    check(raw)


@UNTIMED
@given(st.dictionaries(st.sampled_from(list(Study.model_fields)), VALUES))
def test_any_values_under_the_studys_keys(keys: dict[str, Any]) -> None:
    check({**study(), **keys})


@UNTIMED
@given(st.dictionaries(st.sampled_from(list(Recipe.model_fields)), VALUES))
def test_any_recipe(keys: dict[str, Any]) -> None:
    check(study({**BASE, **keys}, variants={"a": {}, "b": {"model": {"activation": "selu"}}}))
    check(study(BASE, variants={"a": keys}))


@UNTIMED
@given(st.dictionaries(st.sampled_from(list(Ablation.model_fields)), VALUES))
def test_any_ablation(keys: dict[str, Any]) -> None:
    check({**study(), "ablations": {"one": {"question": "?", "variants": {"a": {}}, **keys}, "two": keys}})


@UNTIMED
@given(
    st.dictionaries(WORDS, VALUES, max_size=3),
    st.sampled_from(["variants", "grid", "ladder", "leave_one_out"]),
)
def test_any_variants(entries: dict[str, Any], kind: str) -> None:
    check(
        study(
            BASE,
            tune={"trials": 2, "space": {"optimizer.learning_rate": {"log": [0.1, 1]}}},
            **{kind: entries},
        )
    )


@UNTIMED
@given(
    st.lists(
        st.sampled_from([*"{}[]:,-&*!|>'\"%@`#?~ \n\t", "a", "1", "é", "\x00", "<<", "!!set", "---"]),
        max_size=30,
    )
)
def test_any_text_is_plain_data_or_one_fault(pieces: list[str]) -> None:
    _, faults = parse_text("".join(pieces))
    assert all(fault.text and "\n" not in fault.text for fault in faults)


@UNTIMED
@given(content=st.binary(max_size=40))
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    try:
        load(path)
    except ParamsError as error:
        assert error.faults
