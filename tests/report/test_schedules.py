"""Figures of schedules: every different course once, phases in turn, and the plateau rule next to the loss it follows."""

import pytest

from pipeline.report.figures.plateau import plateaus, plateaus_info
from pipeline.report.figures.schedules import schedules, schedules_info
from pipeline.report.styles import assign

from .conftest import Built


def test_variants_of_one_course_share_a_plot(built: Built) -> None:
    ablation = built.ablation("schedules")
    info = schedules_info(ablation, assign([ablation]))
    assert [course.names for course in info] == [
        ("constant", "also_constant"),
        ("one_cycle",),
        ("plateau",),
        ("in_phases",),
    ]
    figure = schedules(ablation, assign([ablation]))
    assert figure is not None and "constant also represents also_constant" in figure.caption


def test_phases_follow_one_another(built: Built) -> None:
    ablation = built.ablation("schedules")
    course = schedules_info(ablation, assign([ablation]))[-1]
    assert course.starts == (0, 5)
    assert course.epochs[0] == 0 and list(course.epochs) == sorted(course.epochs)
    assert course.epochs[-1] == pytest.approx(20 - 1 / 45)
    assert course.rates == (0.01, 0.01, 0.01, 0.005, 0.0)


def test_a_plateau_shows_what_the_rule_did(built: Built) -> None:
    ablation = built.ablation("schedules")
    course = next(course for course in schedules_info(ablation, assign([ablation])) if course.observed)
    assert (course.rates[0], course.rates[-1]) == (0.01, 0.01 * 0.5 ** (19 // 4))
    ((variant, runs),) = plateaus_info(ablation)
    assert variant.name == "plateau" and len(runs) == 5
    assert runs[0].falls == (4, 8, 12, 16)
    assert runs[2].falls == (6, 12, 18)
    (figure,) = plateaus(ablation, assign([ablation]))
    assert "seed 0: 4 falls, from 0.01 to 0.000625" in figure.alt


@pytest.mark.parametrize("name", ["activations", "lone"])
def test_rates_that_never_move_are_not_drawn(built: Built, name: str) -> None:
    ablation = built.ablation(name)
    assert schedules(ablation, assign([ablation])) is None and plateaus(ablation, assign([ablation])) == []
    assert "Learning-rate schedules" not in built.page(name)
