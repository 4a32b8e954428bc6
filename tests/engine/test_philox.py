"""The generator of the fused engine's dropouts draws the numbers of TensorFlow's own, for one model or many."""

import numpy as np
import pytest

SHAPES = [(1,), (3,), (5, 5), (32, 300), (2, 3, 7, 5)]
SEEDS = [(0, 0), (1, 2), (123456, 7), (2**31 - 1, 2**31 - 1)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_numbers_are_those_of_tensorflow(shape: tuple[int, ...]) -> None:
    import tensorflow as tf

    from pipeline.engine.fused.philox import uniform

    ours = tf.function(lambda seed: uniform(shape, seed), jit_compile=True)
    its = tf.function(lambda seed: tf.random.stateless_uniform(shape, seed))
    for seed in map(tf.constant, SEEDS):
        numbers = ours(seed).numpy()
        assert numbers.dtype == np.float32 and numbers.shape == shape
        assert len(set(numbers.flat)) >= 0.99 * numbers.size
        assert np.array_equal(numbers, its(seed).numpy())
        assert np.array_equal(numbers, uniform(shape, seed).numpy())


def test_many_models_are_drawn_for_at_once() -> None:
    import tensorflow as tf

    from pipeline.engine.fused.philox import uniform

    together = tf.function(
        lambda seeds: tf.vectorized_map(
            lambda seed: uniform((4, 9), seed), seeds, fallback_to_while_loop=False
        ),
        jit_compile=True,
    )
    for numbers, seed in zip(together(tf.constant(SEEDS)).numpy(), SEEDS, strict=True):
        assert np.array_equal(numbers, uniform((4, 9), tf.constant(seed)).numpy())
