import numpy as np
import pytest

from pipeline.core.errors import DataError
from pipeline.data.scale import fit


def images(count, shape=(3, 2), seed=0):
    return np.random.RandomState(seed).randint(0, 256, (count, *shape), dtype=np.uint8)


def test_by_255_gives_zero_to_one():
    scaled = fit("/255", images(4))(np.array([[[0, 51], [102, 153], [204, 255]]], dtype=np.uint8))
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled.ravel(), [0, 0.2, 0.4, 0.6, 0.8, 1], rtol=1e-6)


def test_by_256_stays_below_one():
    scaled = fit("/256", images(4))(np.array([[[0, 64], [128, 255]]], dtype=np.uint8))
    np.testing.assert_allclose(scaled.ravel(), [0, 0.25, 0.5, 255 / 256], rtol=1e-6)


def test_none_only_changes_the_type():
    given = images(4)
    scaled = fit("none", given)(given)
    assert scaled.dtype == np.float32
    np.testing.assert_array_equal(scaled, given)


@pytest.mark.parametrize("count", [1, 7, 9000])
def test_standardise_is_the_mean_and_deviation_of_each_pixel(count):
    train, others = images(count), images(5, seed=1)
    unit = train.astype(np.float64) / 255
    mean, deviation = unit.mean(axis=0), unit.std(axis=0)
    expected = (others / 255 - mean) / np.where(deviation == 0, 1, deviation)
    scaled = fit("standardise", train)(others)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, expected, rtol=1e-4, atol=1e-5)


def test_standardised_training_images_have_mean_0_and_deviation_1():
    train = images(5000)
    scaled = fit("standardise", train)(train)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(axis=0), 1, atol=1e-5)


@pytest.mark.parametrize("level", [0, 200])
def test_a_pixel_that_never_changes_becomes_zero_and_stays_small(level):
    train = images(10)
    train[:, 1, 1] = level
    scaler = fit("standardise", train)
    assert (scaler(train)[:, 1, 1] == 0).all()
    assert np.abs(scaler(images(10, seed=2))[:, 1, 1]).max() <= 1


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_scaling_leaves_its_input_alone_and_takes_colour(kind):
    train = images(3, (2, 2, 3))
    given = train.astype(kind)
    assert fit("standardise", train)(given).shape == (3, 2, 2, 3)
    np.testing.assert_array_equal(given, train)


def test_the_order_of_the_images_changes_no_bit():
    train = images(5000)
    one, other = fit("standardise", train), fit("standardise", train[::-1])
    np.testing.assert_array_equal(one.shift, other.shift)
    np.testing.assert_array_equal(one.factor, other.factor)


def test_an_unknown_scale_names_the_nearest():
    with pytest.raises(DataError, match=r"got 'standardize'\. Did you mean 'standardise'\?"):
        fit("standardize", images(2))


def test_nothing_to_fit_on_is_refused():
    with pytest.raises(DataError, match="got none"):
        fit("standardise", images(0))
