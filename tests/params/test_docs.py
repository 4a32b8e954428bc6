"""The examples in docs/params.md and the kinds of ablation in docs/examples.md are valid."""

import re
from pathlib import Path
from typing import Any

import pytest

from pipeline.params.expansion.expand import expand
from pipeline.params.load import parse
from pipeline.params.types.replicates import KINDS
from pipeline.params.yaml_file import parse as parse_text

from .cases import study

TEXT = (Path(__file__).parents[2] / "docs" / "params.md").read_text(encoding="utf-8")
WHOLE, PHASES, WAYS, REFERENCE, TUNE, REPLICATES, DIAGNOSTICS, EXECUTORS = re.findall(
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


def test_every_kind_of_replicates_that_is_shown_is_accepted() -> None:
    shown = [plain(line) for line in REPLICATES.strip().splitlines()]
    assert all(parse(study(variants={"plain": {}}, **entry)) for entry in shown)
    assert {entry["replicates"]["over"] for entry in shown} == set(KINDS)


def test_diagnostics() -> None:
    assert parse({**study(), **plain(DIAGNOSTICS)}).evaluation.mc_samples == 100


def test_every_executor_that_is_shown_is_accepted() -> None:
    pytest.importorskip("ray", reason="Ray is not installed (extra [ray])")
    shown = EXECUTORS.strip().splitlines()
    kinds = [parse({**study(), **plain(line)}).executor.kind for line in shown]
    assert kinds == ["local", "processes", "ray"]


EXAMPLES = re.findall(
    r"^### ([^\n]*)\n\n```yaml\n(.*?)```",
    (Path(__file__).parents[2] / "docs" / "examples.md").read_text(encoding="utf-8"),
    re.DOTALL | re.MULTILINE,
)


def test_twelve_kinds_are_shown() -> None:
    assert len({title for title, _ in EXAMPLES}) == len(EXAMPLES) == 12


@pytest.mark.parametrize("text", [text for _, text in EXAMPLES], ids=[title for title, _ in EXAMPLES])
def test_each_kind_of_ablation(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in re.findall(r"\b(my_\w+):(\w+)", text):
        with (tmp_path / f"{module}.py").open("a", encoding="utf-8") as stream:
            stream.write(f"def {name}(**arguments): ...\n")
    for kind, path in re.findall(r"(csv|npz|images): ([\w/.]+)", text):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).mkdir() if kind == "images" else (tmp_path / path).write_text("age,sex\n")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    plain_study = plain(text)
    plain_study["base"]["training"].setdefault("epochs", 1)
    shown = parse(plain_study)
    assert all(expand(shown, name).variants for name in shown.ablations)
