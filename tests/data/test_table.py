"""The encoding of tables: fitted on the training rows, and on nothing else."""

import contextlib
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import DataError
from pipeline.data.catalogue import Column
from pipeline.data.frames import read_table
from pipeline.data.table import fit_encoder

COLUMNS = (
    Column("age", "number", (), 1, 1, 3),
    Column("city", "category", ("Bonn", "Rome"), 1),
    Column("sex", "category", ("f", "m")),
)
NAN = float("nan")
ROWS = np.array([[1, 0, 0], [3, 1, 1], [NAN, NAN, 1]])


def test_gaps_categories_and_what_was_not_seen() -> None:
    encode = fit_encoder(COLUMNS, ROWS)
    assert encode.names == ["age", "city=Bonn", "city=Rome", "city=missing", "sex=f", "sex=m"]
    x = encode(np.array([[2, 0, 0], [NAN, NAN, -1], [3, -1, 1]]))
    assert x.dtype == np.float32
    assert x[:2].tolist() == [[0, 1, 0, 0, 1, 0], [0, 0, 0, 1, 0, 0]]
    assert x[2, 0] == pytest.approx(np.sqrt(1.5)) and x[2, 1:].tolist() == [0, 0, 0, 0, 1]


def test_columns_can_be_left_out_and_numbers_as_they_are() -> None:
    encode = fit_encoder(COLUMNS, ROWS, without=["city", "sex"], standardise=False)
    assert (encode.names, encode(ROWS).tolist()) == (["age"], [[1], [3], [2]])
    with pytest.raises(DataError, match=r"no column 'aeg'; .*Did you mean 'age'"):
        fit_encoder(COLUMNS, ROWS, without=["aeg"])
    with pytest.raises(DataError, match="no column is left"):
        fit_encoder(COLUMNS, ROWS, without=["age", "city", "sex"])


VALUES = st.one_of(
    st.none(),
    st.floats(allow_infinity=True),
    st.integers(-(10**20), 10**20),
    st.booleans(),
    st.text(max_size=3),
)
COLUMN = st.one_of(
    st.lists(VALUES, min_size=6, max_size=6),
    *(
        st.lists(each | st.none(), min_size=6, max_size=6)
        for each in (st.floats(), st.integers(), st.text(max_size=3))
    ),
)


@settings(deadline=None, derandomize=True)
@given(st.lists(COLUMN, min_size=1, max_size=4), st.data())
def test_any_table_is_encoded_as_finite_numbers_or_is_a_fault(
    columns: list[list[Any]], data: st.DataObject
) -> None:
    frame = pd.DataFrame({f"c{at}": values for at, values in enumerate(columns)})
    names = list(frame.columns)
    categories = data.draw(st.lists(st.sampled_from(names), unique=True))
    with contextlib.suppress(DataError):
        table = read_table("drawn", frame[:4], frame[4:], categories)
        encode = fit_encoder(table.columns, table.train[:3], standardise=data.draw(st.booleans()))
        for part in (table.train, table.test):
            encoded = encode(part)
            assert encoded.shape == (len(part), len(encode.names)) and np.isfinite(encoded).all()
