from pipeline.params.types.phase_spec import Top
from pipeline.params.types.phases import Phase, phases_of

from .cases import recipe


def test_a_recipe_without_phases_is_one() -> None:
    plain = recipe()
    assert phases_of(plain) == (Phase("training", plain, "all", "all"),)


def test_each_phase_patches_the_recipe_itself() -> None:
    phased = recipe(
        data={"classes": [5, 6], "limit": 200},
        phases=[
            {"name": "A", "data": {"classes": [0, 1, 2], "limit": None}},
            {"trainable": "head", "training": {"epochs": 4}, "reuse": 1},
            {"trainable": {"top": 2}, "optimizer": {"learning_rate": 0.01}, "schedule": "cosine"},
        ],
    )
    first, second, third = phases_of(phased)
    assert [phase.name for phase in (first, second, third)] == ["A", "phase 2", "phase 3"]
    assert (first.recipe.data.classes, first.recipe.data.limit) == ((0, 1, 2), None)
    assert (second.recipe.data.classes, second.recipe.data.limit) == ((5, 6), 200)
    assert (second.reuse, second.trainable, second.recipe.training.epochs) == (1, "head", 4)
    assert third.trainable == Top(top=2)
    assert third.recipe.training.epochs == phased.training.epochs
    assert (third.recipe.optimizer.learning_rate, third.recipe.schedule.name) == (0.01, "cosine")
    assert all(phase.recipe.phases == () for phase in (first, second, third))
