import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import statistics
from benchmarks.documents import write_table
from pipeline.stats.compare import compare
from pipeline.stats.intervals import t_interval
from pipeline.stats.student import limits, paired

BEGIN, END = "<!-- statistics:begin -->", "<!-- statistics:end -->"


def test_simulated_studies_are_judged_as_the_report_judges() -> None:
    points = statistics.simulate(np.random.default_rng(5), 60, [0.0, 0.1, 1.0, -2.0], 5)
    together = statistics.judge(points, margin=1.0)
    assert len(set(together.ravel())) == 4
    for study, verdicts in zip(points, together, strict=True):
        measured = {f"v{index}": dict(enumerate(row.tolist())) for index, row in enumerate(study)}
        alone = compare(measured, "v0", margin=1.0)
        assert [comparison.verdict for comparison in alone.values()] == verdicts.tolist()


def test_simulated_intervals_are_those_of_the_report() -> None:
    values = np.random.default_rng(5).normal(size=(20, 5))
    low, high = limits(paired(values, np.zeros_like(values)))
    for row, ends in zip(values, zip(low, high, strict=True), strict=True):
        interval = t_interval(row.tolist())
        assert (interval.low, interval.high) == pytest.approx(ends)


def test_simulated_replicates_have_the_spread_they_are_said_to_have() -> None:
    points = statistics.simulate(np.random.default_rng(5), 4000, [2.0], 5)
    assert points[:, 0].std() == pytest.approx(1, abs=0.03)
    assert (points[:, 1] - points[:, 0]).mean() == pytest.approx(2, abs=0.05)
    assert np.corrcoef(points[:, 0].ravel(), points[:, 1].ravel())[0, 1] == pytest.approx(0.5, abs=0.03)


def test_every_rate_lies_within_its_limits(capsys: pytest.CaptureFixture[str]) -> None:
    assert statistics.main(["--json", "--studies", "10000"]) == 0
    cases = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(cases) >= 12
    assert all(case["holds"] for case in cases)
    rates = {case["name"]: case["rate"] for case in cases}
    assert rates["any of 9 variants without effect with an uncorrected p <= .05"] > 0.2


@pytest.mark.parametrize(
    ("rate", "least", "most", "holds"),
    [
        (0.95, 0.94, 0.96, True),
        (0.961, 0.94, 0.96, False),
        (0.93, 0.94, 0.96, False),
        (0.054, None, 0.05, True),
        (0.06, None, 0.05, False),
        (0.3, None, None, True),
    ],
)
def test_limits(rate: float, least: float | None, most: float | None, holds: bool) -> None:
    assert statistics.Case("any", 10_000, rate, least, most).holds is holds


def test_the_table_is_printed_and_written_between_its_markers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "method.md"
    page.write_text(f"before\n{BEGIN}\nformer\n{END}\nafter\n", encoding="utf-8")
    statistics.main(["--studies", "200", "--write", str(page)])
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{BEGIN}\n| simulated, 200 studies each | rate |")
    assert text.endswith(f" |\n{END}\nafter\n")
    assert "former" not in text
    assert "200 studies each" in capsys.readouterr().out


def test_a_page_without_markers_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "method.md"
    page.write_text("nothing", encoding="utf-8")
    with pytest.raises(ValueError, match="must hold <!-- statistics:begin -->"):
        write_table(page, "statistics", "| table |")


def test_the_committed_table_is_the_one_the_program_writes() -> None:
    page = (Path(__file__).parents[2] / "docs" / "method.md").read_text(encoding="utf-8")
    table = page.split(BEGIN)[1].split(END)[0].strip()
    assert table == statistics.markdown(list(statistics.cases(10_000, 0)))


def test_no_studies_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        statistics.main(["--studies", "0"])
    assert "--studies must be 1 or more; received 0" in capsys.readouterr().err
