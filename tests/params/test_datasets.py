"""An ablation on several data sets is written out once for each."""

from typing import Any

import pytest

from pipeline.params.expansion.expand import expand
from pipeline.params.load import parse

from .cases import faults, only_fault, study

VARIANTS = {"variants": {"a": {}, "b": {"model": {"layers": [8]}}}}


def test_it_is_one_ablation_for_each() -> None:
    raw = study(**VARIANTS, datasets=["digits", "mnist", "fashion_mnist"], seeds=3)
    raw["ablations"]["two"] = {"question": "?", **VARIANTS}
    parsed = parse(raw)
    assert parsed.groups == {"one": ["one@digits", "one@mnist", "one@fashion_mnist"], "two": ["two"]}
    assert [parsed.dataset_of(name) for name in parsed.groups["one"]] == ["digits", "mnist", "fashion_mnist"]
    assert parsed.datasets == ("digits", "mnist", "fashion_mnist")
    recipes = [[v.recipe for v in expand(parsed, name).variants] for name in parsed.groups["one"]]
    assert recipes[0] == recipes[1] == recipes[2] and parsed.seeds_of("one@mnist") == 3


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"datasets": "digits"}, "datasets: must be a list of two data sets or more; got 'digits'"),
        ({"datasets": ["digits"]}, "datasets: must be a list of two data sets or more; got [digits]"),
        ({"datasets": ["digits", "digits"]}, "datasets: names digits twice"),
        (
            {"datasets": ["digits", "mnist"], "dataset": "mnist"},
            "dataset: dataset and datasets exclude each other; keep one",
        ),
        ({"datasets": ["digits", "minst"]}, "datasets: minst: must be one of"),
    ],
)
def test_faults_of_the_list(entry: dict[str, Any], expected: str) -> None:
    assert only_fault(study(**VARIANTS, **entry)).startswith(f"ablations.one.{expected}")


def test_a_fault_of_the_ablation_is_named_once_and_where_it_is_written() -> None:
    raw = study(variants={"a": {"training": {"epochs": 0}}}, datasets=["digits", "mnist"])
    assert only_fault(raw) == "ablations.one.variants.a.training.epochs: must be at least 1; got 0"


def test_names_with_the_mark_between_are_refused() -> None:
    raw = study()
    raw["ablations"]["a@b"] = raw["ablations"].pop("one")
    assert any("must not have @ in its name" in fault for fault in faults(raw))


def test_names_of_files_and_functions_are_told_apart(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    (tmp_path / "mine.py").write_text("def wine():\n    pass\n\ndef tea():\n    pass\n", encoding="utf-8")
    (tmp_path / "tea.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    datasets = ["mine:wine", "mine:tea", {"csv": "tea.csv", "target": "b"}]
    parsed = parse(study(**VARIANTS, datasets=datasets))
    assert parsed.groups["one"] == ["one@wine", "one@tea", "one@tea_3"]
