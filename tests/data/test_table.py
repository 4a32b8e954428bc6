"""The encoding of tables: fitted on the training rows, and on nothing else."""

import numpy as np
import pytest

from pipeline.core.errors import DataError
from pipeline.data.catalogue import Column
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
