"""The numbers of `tf.random.stateless_uniform` outside XLA, bit for bit, drawn fast within XLA on a CPU.

XLA unrolls TensorFlow's own operation into code that computes most rounds of the generator many times over: in an epoch's
loop, the 38,000 numbers of a step with dropout before each layer of a 784-300-100-10 net took 10 ms, here 0.3 ms. A
loop over the rounds prevents that. It also draws for all models of a stack at once, which TensorFlow's operation cannot.
Within XLA that operation also yields other numbers: it makes fractions of the upper bits of each word, not the lower.

The generator is Philox4x32-10: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011).
"""

from collections.abc import Sequence
from math import ceil, prod
from typing import Any

import tensorflow as tf

ROUNDS = 10
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
STEPS = (0x9E3779B9, 0xBB67AE85)
"""Increments of the two words of the key in each round."""
SEED_KEY = (0x3EC8F720, 0x02461E29)
"""The key with which TensorFlow scrambles a seed."""
FRACTION = 23
"""Bits of the fraction of a float32."""
BLOCK = 4
"""Words drawn for one count."""


def uniform(shape: Sequence[int], seed: Any) -> Any:
    """Return float32 numbers in [0, 1) of `shape`, which must be known, for two int32 numbers `seed`, not negative."""
    count = prod(shape)
    key, high = _scrambled(seed)
    number = tf.cast(tf.range(ceil(count / BLOCK)), tf.uint32)
    # Mapping over models requires arrays of equal shape, each of which depends on the model.
    zero = tf.zeros_like(number) + tf.bitwise.bitwise_xor(key[0], key[0])
    number += zero
    words = _philox((number, zero, *(zero + word for word in high)), [zero + word for word in key])
    bits = tf.reshape(tf.stack(words, axis=1), [-1])[:count]
    fraction = tf.cast(tf.bitwise.bitwise_and(bits, _word(2**FRACTION - 1)), tf.int32)
    return tf.reshape(tf.cast(fraction, tf.float32) * 2.0**-FRACTION, shape)


def _scrambled(seed: Any) -> tuple[Any, Any]:
    """Return the key that TensorFlow derives from a seed, and the upper half of the first count."""
    first, second = _low(seed[0]), _low(seed[1])
    words = _philox((first, _word(0), second, _word(0)), [_word(word) for word in SEED_KEY])
    return words[:2], words[2:]


def _philox(counts: Sequence[Any], key: Sequence[Any]) -> Any:
    """Return four words for each count of four words."""
    return tf.while_loop(
        lambda done, *_: done < ROUNDS,
        lambda done, *state: (done + 1, *_round(*state)),
        (0, *counts, *key),
    )[1:5]


def _round(a: Any, b: Any, c: Any, d: Any, first: Any, second: Any) -> tuple[Any, ...]:
    left, right = (tf.cast(x, tf.uint64) * m for x, m in zip((a, c), MULTIPLIERS, strict=True))
    counts = _xor(_high(right), b, first), _low(right), _xor(_high(left), d, second), _low(left)
    return *counts, first + _word(STEPS[0]), second + _word(STEPS[1])


def _xor(a: Any, b: Any, c: Any) -> Any:
    return tf.bitwise.bitwise_xor(tf.bitwise.bitwise_xor(a, b), c)


def _low(number: Any) -> Any:
    return tf.cast(number, tf.uint32)


def _high(number: Any) -> Any:
    return tf.cast(tf.bitwise.right_shift(number, tf.constant(32, tf.uint64)), tf.uint32)


def _word(value: int) -> Any:
    return tf.constant(value, tf.uint32)
