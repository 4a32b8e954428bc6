"""What a paper needs: a table in LaTeX, methods in words, a recipe as params.yaml has it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from kit import recipe as small

from pipeline.params.expansion.resolve import canonical
from pipeline.params.load import parse
from pipeline.params.types.recipe import Recipe
from pipeline.params.yaml_file import parse as parse_yaml
from pipeline.report.findings import find
from pipeline.report.paper import latex, methods, recipe_yaml, tex
from pipeline.result_files.schema import Ablation, Data, Replication

from .made_up import HOSTILE, ablation, activations, variant

ENGINES = [name for name in ("pdflatex", "tectonic", "xelatex") if shutil.which(name)]
DOCUMENT = "\\documentclass{article}\n\\usepackage{booktabs}\n\\begin{document}\n%s\n\\end{document}\n"


def found(raw: dict[str, object]) -> Ablation:
    return Ablation.from_json(raw)


def test_the_table_has_a_row_for_each_variant_and_the_best_is_bold() -> None:
    findings = find(found(activations()))
    text = latex(findings)
    body = text.partition("\\midrule\n")[2].partition("\\bottomrule")[0].splitlines()
    assert len(body) == len(findings.rows) and all(line.count(" & ") == 3 for line in body)
    assert [line for line in body if "textbf" in line] == body[:1]
    unit, best = findings.measure, findings.rows[0]
    assert best.interval is not None and best.interval.low is not None
    half = unit.text(best.interval.mean - best.interval.low)
    assert f"${unit.text(best.interval.mean)} \\pm {half}$" in body[0]
    assert "baseline" in next(line for line in body if line.startswith("relu &"))
    assert "\\label{tab:activations}" in text and "\\caption{" in text
    assert "−" not in text, "minus signs are those of math"


def test_text_of_any_kind_is_escaped() -> None:
    assert tex("a_b & 50 % #1 {x} ~ \\ ^ $") == (
        "a\\_b \\& 50 \\% \\#1 \\{x\\} \\textasciitilde{} \\textbackslash{} \\textasciicircum{} \\$"
    )
    text = latex(find(found(ablation("hostile_1", [variant("plain"), variant("x_1")], question=HOSTILE))))
    assert not re.search(r"(?<!\\)[&#_](?![^&]*\\\\)", text.partition("\\begin{tabular}")[0])
    assert "x\\_1" in text and "\\label{tab:hostile1}" in text


@pytest.mark.skipif(not ENGINES, reason="no LaTeX is installed")
@pytest.mark.parametrize(
    "raw", [activations(), ablation("one", [variant("plain"), variant("50 % & more_1")])]
)
def test_it_compiles(raw: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "paper.tex").write_text(DOCUMENT % latex(find(found(raw))), encoding="utf-8")
    command = [ENGINES[0], *([] if ENGINES[0] == "tectonic" else ["-interaction=nonstopmode"]), "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


def test_methods_say_what_was_done() -> None:
    text = methods(find(found({**activations(), "data": vars(Data(1397, 200, 400, "abc"))})))
    assert text.startswith(
        "Models were trained on digits (1,397 examples, of which 200 were held out for validation) and tested on its 400 "
        "test examples. The baseline (relu) was trained with nadam for 20 epochs in batches of 32. For every variant, "
        "optimizer.learning_rate was chosen by validation accuracy among 6 trials (random search) and then frozen."
    )
    assert (
        "over 5 seeds that no trial had used" in text and "Holm, 1979" in text and "Schuirmann, 1987" in text
    )
    assert text.endswith("Software: tensorflow 2.21.0, keras 3.15.0 (CPU).")


def test_methods_of_splits_and_looks() -> None:
    plain = find(found(ablation("one", [variant("plain"), variant("other")])))
    assert "Nadeau" not in methods(plain) and "looks" not in methods(plain)
    raw = ablation(
        "one", [variant("plain"), variant("other")], replication=vars(Replication("splits", 5, 1, 0.25, 0.2))
    )
    text = methods(find(found(raw)))
    assert (
        "over 5 random splits, the same ones for all variants" in text and "Nadeau and Bengio, 2003" in text
    )
    looks = {"families": [{"members": ["other"], "looks": [[5, 10]], "changed": [], "gone": 0, "study": 1}]}
    assert "error spending" in methods(
        find(found(ablation("one", [variant("plain"), variant("other")], **looks)))
    )


def test_the_recipe_is_a_base_of_params() -> None:
    """Pasted into a params file it is the recipe again, whatever was left out."""
    recipe = small({"regularisation": {"dropout": 0.2}, "schedule": {"name": "cosine"}})
    value, faults = parse_yaml(recipe_yaml(canonical(recipe)))
    assert faults == []
    study = parse({**value, "ablations": {"one": {"question": "?", "variants": {"plain": {}}}}})
    assert isinstance(study.base, Recipe) and study.base == recipe
