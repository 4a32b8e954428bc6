"""The simulation of studies with looks: every rate is within its limits, in a small run."""

from benchmarks.looks import cases


def test_every_rate_lies_within_its_limits() -> None:
    results = list(cases(400, seed=3))
    assert [case.name for case in results if not case.holds] == []
    assert len({case.name for case in results}) == len(results) >= 15
