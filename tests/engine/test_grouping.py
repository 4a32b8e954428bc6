"""Which runs train together, as properties."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit import recipe

from pipeline.engine.fused.grouping import cut, group, signature
from pipeline.engine.fused.layout import SMALL, layout
from pipeline.engine.fused.trainer import stack_size

ITEMS = st.lists(st.tuples(st.integers(0, 5), st.integers()), max_size=60)


@given(ITEMS)
def test_groups_hold_every_item_once_and_only_equals_together(items: list[tuple[int, int]]) -> None:
    groups = group(items, lambda item: item[0])
    assert sorted(item for members in groups for item in members) == sorted(items)
    assert all(len({key for key, _ in members}) == 1 for members in groups)
    assert len(groups) == len({key for key, _ in items}), "as few groups as can be"
    assert all(members == [item for item in items if item[0] == members[0][0]] for members in groups), (
        "in order"
    )


@given(st.lists(st.integers(), max_size=60), st.integers(1, 20), st.data())
def test_a_study_killed_between_stacks_cuts_the_same_ones_when_resumed(
    items: list[int], largest: int, data: st.DataObject
) -> None:
    stacks = cut(items, largest)
    assert [item for stack in stacks for item in stack] == items
    assert len(stacks) == -(-len(items) // largest)
    assert all(0 < len(stack) <= largest for stack in stacks)
    done = data.draw(st.integers(0, len(stacks)))
    left = items[sum(len(stack) for stack in stacks[:done]) :]
    assert cut(left, largest) == stacks[done:]


@given(st.integers(1, 5000))
def test_a_stack_is_filled_up_to_few_sizes_and_by_little(jobs: int) -> None:
    size = stack_size(jobs)
    assert jobs <= size and 3 * (size - jobs) <= size
    assert stack_size(size) == size
    assert stack_size(jobs + 1) >= size


def test_there_are_two_sizes_of_stack_to_each_doubling() -> None:
    assert sorted({stack_size(jobs) for jobs in range(1, 40)}) == [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48]


SAME = [
    {"optimizer": {"learning_rate": 0.3}},
    {"schedule": "one_cycle"},
    {"schedule": {"name": "plateau", "patience": 1}},
    {"model": {"initializer": "orthogonal"}},
    {"model": {"layers": [{"units": 8, "initializer": "zeros"}, 4]}},
    {"model": {"output": {"initializer": "he_normal"}}},
    {"training": {"early_stopping": {"patience": 1}}},
]
OTHER = [
    {"model": {"layers": [8, 5]}},
    {"model": {"activation": "relu"}},
    {"model": {"use_bias": False}},
    {"model": {"normalisation": "before"}},
    {"model": {"output": {"activation": "sigmoid"}}},
    {"optimizer": {"name": "adam"}},
    {"optimizer": {"momentum": 0.5}},
    {"optimizer": {"clipnorm": 1.0}},
    {"regularisation": {"dropout": 0.1}},
    {"regularisation": {"kernel_regularizer": {"name": "l2", "l2": 0.5}}},
    {"training": {"epochs": 3}},
    {"training": {"batch_size": 8}},
    {"training": {"loss": "poisson"}},
    {"data": {"augment": ["RandomFlip"]}},
]


def signed(patch: dict[str, Any], shape: tuple[object, ...] = ("pool", 6)) -> str:
    return signature(recipe(patch), shape)


@pytest.mark.parametrize("patch", SAME, ids=str)
def test_what_enters_a_graph_as_numbers_makes_no_other_graph(patch: dict[str, Any]) -> None:
    assert signed(patch) == signed({})


@pytest.mark.parametrize("patch", OTHER, ids=str)
def test_what_shapes_a_graph_makes_another(patch: dict[str, Any]) -> None:
    assert signed(patch) != signed({})


def test_initializers_shape_a_graph_where_the_templates_own_are_drawn_from() -> None:
    replaced = {"replace": {"initializer": {"GlorotUniform": "he_normal"}}}
    assert signed({"model": replaced}) != signed({"model": {**replaced, "initializer": "zeros"}})


def test_limits_of_clipping_are_numbers_but_its_kind_is_not() -> None:
    assert signed({"optimizer": {"clipnorm": 1.0}}) == signed({"optimizer": {"clipnorm": 2.0}})
    assert signed({"optimizer": {"clipnorm": 1.0}}) != signed({"optimizer": {"clipvalue": 1.0}})
    assert signed({}, ("pool", 6)) != signed({}, ("pool", 7))


SHAPES = st.lists(
    st.tuples(st.lists(st.integers(1, 5), max_size=3).map(tuple), st.booleans()), min_size=1, max_size=8
)


@given(SHAPES, st.integers(1, 4))
def test_a_stack_of_models_comes_apart_as_it_was_put_together(
    variables: list[tuple[tuple[int, ...], bool]], count: int
) -> None:
    shapes, alone = [shape for shape, _ in variables], [own for _, own in variables]
    packing = layout(shapes, alone)
    generator = np.random.default_rng(0)
    models = [[generator.normal(size=shape) for shape in shapes] for _ in range(count)]
    stacked = packing.stack(models)
    for model, again in zip(models, packing.unstack(stacked), strict=True):
        assert [array.shape for array in again] == shapes
        assert all(np.array_equal(one, other) for one, other in zip(model, again, strict=True))
    for row, model in enumerate(models):
        packed = packing.pack(model, np.concatenate, np.reshape)
        assert all(np.array_equal(one, array[row]) for one, array in zip(packed, stacked, strict=True))


def test_small_variables_share_an_array_unless_they_must_not() -> None:
    packing = layout([(4, 4), (SMALL,), (4,), (3, 3)], [False, False, False, True])
    assert sorted(packing.buckets) == [(0, 2), (1,), (3,)]
