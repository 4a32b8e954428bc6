"""Tables in CSV files, from their columns' types to what is wrong with them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.core.errors import DataError
from pipeline.data import csv_file

from .test_user_files import Bring, bring

__all__ = ["bring"]

ROWS = [
    f"{number},{number % 7 if number % 5 else ''},{'abc'[number % 3] if number % 4 else ''},{'yes' if number % 2 else 'no'}"
    for number in range(40)
]


def write(folder: Path, *rows: str, header: str = "id,age,city,bought") -> None:
    (folder / "train.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


def test_numbers_categories_and_gaps(tmp_path: Path, bring: Bring) -> None:
    write(tmp_path, *ROWS)
    data = bring(csv="train.csv", target="bought", drop="id")
    age, city = data.record.columns
    assert (age.name, age.kind, age.low, age.high) == ("age", "number", 0, 6)
    assert (city.name, city.kind, city.categories) == ("city", "category", ("a", "b", "c"))
    assert age.missing + int(np.isnan(data.x_test[:, 0]).sum()) == 8
    assert set(data.x_train[~np.isnan(data.x_train[:, 1]), 1]) == {0, 1, 2}
    assert data.class_names == ("no", "yes") and np.bincount(data.y_test).tolist() == [4, 4]
    assert (data.record.kind, data.record.input_shape, data.record.title) == ("table", (2,), "train.csv")


def test_a_category_that_training_rows_lack_is_minus_one(tmp_path: Path, bring: Bring) -> None:
    write(tmp_path, "x,1.5", "y,2.5", "x,3.5", "y,4.5", "z,5.5", header="kind,price")
    data = bring(csv="train.csv", target="price", split="time")
    assert data.x_test.tolist() == [[-1.0]] and data.record.columns[0].categories == ("x", "y")
    assert (data.record.task, data.class_names, data.y_test.tolist()) == ("regression", ("price",), [[5.5]])


def test_weights_groups_several_targets_and_other_separators(tmp_path: Path, bring: Bring) -> None:
    rows = [
        f"{number};p{number // 4};{number % 3};{number % 2};{(number + 1) % 2 or number % 3 % 2}"
        for number in range(40)
    ]
    write(tmp_path, *rows, header="x;patient;w;up;down")
    data = bring(csv="train.csv", target=["up", "down"], groups="patient", weights="w", categories="x")
    assert (data.record.task, data.class_names) == ("labels", ("up", "down"))
    assert data.weights_train is not None and set(data.weights_train) == {0, 1, 2}
    assert (
        not set(data.groups_train or ()) & set(data.groups_test or ()) if data.groups_train is None else True
    )
    assert [column.kind for column in data.record.columns] == ["category"]


@pytest.mark.parametrize(
    ("rows", "mapping", "words"),
    [
        (
            ROWS,
            {"target": "bougt"},
            "there is no column 'bougt'; there are id, age, city, bought. Did you mean 'bought'",
        ),
        (ROWS, {"target": "bought", "drop": ["Id"]}, "there is no column 'Id'.*Did you mean 'id'"),
        ([], {"target": "bought"}, "has no rows below the names"),
        (
            [*ROWS, "41,old,a,yes"],
            {"target": "bought"},
            "column 'age' has 32 numbers and 1 text: 'old' in row 41",
        ),
        (
            [*ROWS, "41,1,3,yes"],
            {"target": "bought"},
            "column 'city' has 1 number and 30 texts: '3' in row 41",
        ),
        ([*ROWS, "41,1,a,"], {"target": "bought"}, "column 'bought' has no value in row 41; leave"),
        ([*ROWS, "41,inf,a,no"], {"target": "bought"}, "column 'age' is inf in row 41 of the"),
        (
            [*ROWS, "41,1,a,no,more"],
            {"target": "bought"},
            "cannot be read: .*Expected 4 fields in line 42, saw 5",
        ),
        (
            ["1,1,2020-01-03,yes", "2,1,2021-02-04,no"],
            {"target": "bought"},
            "column 'city' holds dates, such as '2020",
        ),
        (["1,,a,yes", "2,,b,no"], {"target": "bought"}, "column 'age' has no value in any"),
        (["1,1,a,yes", "2,2,b,yes"], {"target": "bought"}, "at least 2 different labels; got only yes"),
    ],
)
def test_faults_name_row_and_column(
    tmp_path: Path, bring: Bring, rows: list[str], mapping: dict[str, Any], words: str
) -> None:
    write(tmp_path, *rows)
    with pytest.raises(DataError, match=f"^train.csv: .*{words}") as caught:
        bring(csv="train.csv", **mapping)
    assert "\n" not in str(caught.value)


def test_two_columns_of_one_name_and_a_very_long_line(
    tmp_path: Path, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "1,2,3", header="a,a,b")
    with pytest.raises(DataError, match="there are two columns 'a'"):
        bring(csv="train.csv", target="b")
    monkeypatch.setattr(csv_file, "LONGEST", 2**21)
    write(tmp_path, *ROWS, "9" * (2**21 + 50), *ROWS)
    with pytest.raises(DataError, match=r"line 42 has more than 2 MB"):
        bring(csv="train.csv", target="bought")
