import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays

from pipeline.core.errors import DataError
from pipeline.data import idx


@given(array=arrays(np.uint8, array_shapes(max_dims=4, max_side=5)))
def test_what_is_written_is_read(tmp_path_factory, array):
    path = tmp_path_factory.mktemp("idx") / "some-ubyte"
    idx.write(path, array)
    np.testing.assert_array_equal(idx.read(path), array)
    assert [entry.name for entry in path.parent.iterdir()] == ["some-ubyte"]


def test_the_layout_is_mnists():
    assert idx.encode(np.array([[1, 2, 3]], dtype=np.uint8)) == bytes.fromhex(
        "00000802 00000001 00000003 010203"
    )


WHOLE = idx.encode(np.arange(12, dtype=np.uint8).reshape(3, 2, 2))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cut short: 0 bytes"),
        (WHOLE[:3], "cut short: 3 bytes"),
        (WHOLE[:9], "cut short: 9 bytes, its header alone takes 16"),
        (WHOLE[:-1], "cut short: its header says 12 bytes of data, there are 11"),
        (WHOLE + b"x", "too long: its header says 12 bytes of data, there are 13"),
        (b"\x1f\x8b" + WHOLE[2:], "not an IDX file .* starts with 1f 8b 08 03"),
        (b"\x00\x00\x0d\x03" + WHOLE[4:], "not an IDX file of unsigned bytes"),
        (b"\x00\x00\x08\x00", "not an IDX file"),
        (b"\x00\x00\x08\x05" + WHOLE[4:], "01 to 04"),
        (b"<!DOCTYPE html>", "not an IDX file"),
        (struct.pack(">HBBIII", 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1), "cut short"),
    ],
)
def test_every_corruption_is_named_with_its_file(tmp_path, content, words):
    path = tmp_path / "broken-ubyte"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"broken-ubyte: .*{words}"):
        idx.read(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="gone-ubyte: cannot be read: No such file"):
        idx.read(tmp_path / "gone-ubyte")


@pytest.mark.parametrize("array", [np.zeros(3), np.uint8(3), np.zeros((1,) * 5, np.uint8)])
def test_other_arrays_are_refused_before_anything_is_written(tmp_path, array):
    with pytest.raises(ValueError, match="; got "):
        idx.write(tmp_path / "some-ubyte", np.asarray(array))
    assert list(tmp_path.iterdir()) == []
