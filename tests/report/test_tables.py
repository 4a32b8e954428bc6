from pathlib import Path

from pipeline.report.findings import find
from pipeline.report.ranking import ranking
from pipeline.report.styles import assign
from pipeline.report.tables import (
    Cell,
    Table,
    changes,
    effects,
    environment,
    failures,
    trained,
)
from pipeline.result_files.read import read
from pipeline.store.journal import Session

from . import made_up
from .conftest import Built


def columns(table: Table) -> dict[str, list[Cell]]:
    return {
        column.title.replace("\u00a0", " "): [row[number] for row in table.rows]
        for number, column in enumerate(table.columns)
    }


def ranked(built: Built, name: str) -> dict[str, list[Cell]]:
    findings = find(built.ablation(name))
    return columns(ranking(findings, assign([findings.ablation])))


def test_the_ranking_shows_what_the_findings_say(built: Built) -> None:
    table = ranked(built, "activations")
    findings = find(built.ablation("activations"))
    first = findings.rows[0]
    assert first.interval is not None
    assert table["variant"][0].text == "gelu"
    assert table["test accuracy (%)"][0] == Cell(f"{100 * first.interval.mean:.2f}", first.interval.mean)
    assert table["difference [interval]"][0].text == findings.measure.interval(first.difference)
    assert table["verdict"][0].word == "better"
    assert table["published"][0].text == "98.10"
    assert table["published"][1].text == "–"
    chosen = first.variant.chosen
    assert chosen is not None
    assert table["optimizer.learning_rate"][0].sort == chosen["optimizer.learning_rate"]


def test_the_baseline_has_no_p_and_sorts_at_no_difference(built: Built) -> None:
    table = ranked(built, "activations")
    place = next(number for number, cell in enumerate(table["variant"]) if cell.text == "relu")
    assert table["verdict"][place].text == "baseline"
    assert table["p (adjusted)"][place] == Cell("–")
    assert table["difference [interval]"][place] == Cell("–", 0.0)


def test_a_variant_that_always_diverged_says_so(built: Built) -> None:
    table = ranked(built, "hostile")
    assert table["variant"][-1].text == "lost"
    assert table["verdict"][-1].text == "diverged"
    assert table["n"][-1].text == "0"
    assert table["#"][-1].text == table["test accuracy (%)"][-1].text == "–"


def test_columns_without_anything_to_say_are_left_out(built: Built) -> None:
    titles = set(ranked(built, "ladder"))
    assert "published" not in titles
    assert "seeds to settle" not in titles


def test_changes_name_the_baselines_value_and_the_variants(built: Built) -> None:
    ablation = built.ablation("activations")
    rows = [[cell.text for cell in row] for row in changes(ablation, assign([ablation])).rows]
    assert ["selu", "model.activation.name", "relu", "selu"] in rows
    assert ["selu", "model.initializer.name", "he_normal", "lecun_normal"] in rows


def test_changes_leave_out_what_says_nothing(tmp_path: Path) -> None:
    layers = [{"units": 64, "repeat": 1}, {"units": 32, "repeat": 3}]
    phase = {"name": "head", "model": {}, "training": {"epochs": 5}, "reuse": "all", "trainable": "head"}
    base = made_up.variant("a", recipe={**made_up.BASE, "model": {"layers": layers}})
    other = made_up.variant("b", changes={"model.layers": [8], "phases": [phase]})
    made_up.write(tmp_path, [made_up.ablation("x", [base, other])])
    ablation = read(tmp_path, "x")
    table = columns(changes(ablation, assign([ablation])))
    assert table["in a"][0].text == '[64, {"units": 32, "repeat": 3}]'
    assert table["here"][1].text == '[{"name": "head", "training": {"epochs": 5}, "trainable": "head"}]'


def test_failures_list_trials_and_replicates(built: Built) -> None:
    ablation = built.ablation("activations")
    rows = [[cell.text for cell in row] for row in failures(ablation, assign([ablation])).rows]
    assert ["elu", "replicate", "seed 3, stopped in epoch 4"] in [row[:3] for row in rows]
    assert any(row[1] == "trial" and row[2].startswith("optimizer.learning_rate = ") for row in rows)


def test_effects_add_up_to_everything(built: Built) -> None:
    table = effects(find(built.ablation("initializer_grid")))
    assert table is not None
    assert abs(sum(row[1].sort or 0 for row in table.rows) - 1) < 1e-9
    assert effects(find(built.ablation("ladder"))) is None


def test_the_environment_counts_replicates_by_engine(tmp_path: Path) -> None:
    raw = made_up.lone()
    raw["variants"][0]["replicates"][0]["engine"] = {"name": "fit", "reason": "convolutions"}
    made_up.write(tmp_path, [raw])
    rows = [
        [cell.text for cell in row]
        for row in environment(read(tmp_path, "lone"), [("trained", "1970-01-02")]).rows
    ]
    assert ["engine of 1 replicate", "fit (convolutions)"] in rows
    assert ["engine of 1 replicate", "fused (dense layers only)"] in rows
    assert ["keras", "3.15.0"] in rows
    assert rows[0] == ["trained", "1970-01-02"]


def test_the_environment_says_when_and_at_which_commits_runs_were_trained(tmp_path: Path) -> None:
    made_up.write(tmp_path, [made_up.lone()])
    ablation = read(tmp_path, "lone")
    key = ablation.variants[0].replicates[0].run_key
    day = 86_400 * 10**9
    sessions = [Session(day * number, 1.0, (key,), commit=f"c{number}") for number in range(1, 6)]
    other = Session(day * 9, 1.0, ("other",), commit="other")
    assert trained(ablation, {key: sessions, "other": [other]}) == [
        ("trained", "1970-01-02 to 1970-01-06"),
        ("commit", "c5, c4, c3 and 2 more"),
    ]
    assert trained(ablation, {key: [Session(day, 1.0, (key,), commit="c1-dirty")]}) == [
        ("trained", "1970-01-02"),
        ("commit", "c1 (with changes)"),
    ]
    assert trained(ablation, {"other": [other]}) == []


def test_the_environment_says_how_many_runs_trained_together(tmp_path: Path) -> None:
    raw = made_up.lone()
    first, second = (variant["replicates"][0]["engine"] for variant in raw["variants"])

    def stacks() -> list[str]:
        made_up.write(tmp_path, [raw])
        return [
            row[1].text for row in environment(read(tmp_path, "lone"), []).rows if row[0].text == "stacks"
        ]

    rest = " together; in a stack of another size a run may round differently"
    assert stacks() == [f"50 runs{rest}"]
    first["size"] = 3
    assert stacks() == [f"3 to 50 runs{rest}"]
    first["name"] = second["name"] = "fit"
    assert stacks() == []
