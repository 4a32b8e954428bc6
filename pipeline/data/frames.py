"""Tables as matrices of numbers: each column's type, its categories as codes, its gaps; what fits neither is a fault."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import DataError, nearest
from pipeline.core.text import plural
from pipeline.data.catalogue import Column

if TYPE_CHECKING:
    import pandas as pd

DATE = r"\s*(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})([T\s].*)?"
LARGEST = 1e30
"""Numbers that models take, of 32 bits, end at 3e38; means and squares of columns need some room."""
UNSEEN = -1
"""The code of a category that the training rows do not have."""


@dataclass(frozen=True, eq=False)
class Table:
    """Both halves of a table as matrices [n, columns] of float64, not yet encoded, and what their columns are.

    A number is itself, a category its index among the sorted ones of the training rows, or -1 where those do not have it;
    a gap is NaN.
    """

    train: NDArray[np.float64]
    test: NDArray[np.float64]
    columns: tuple[Column, ...]
    cautions: tuple[str, ...]


def read_table(
    dataset: str, train: "pd.DataFrame", test: "pd.DataFrame", categories: Sequence[str] = ()
) -> Table:
    """Return two data frames with the same columns as matrices; `categories` are taken as such whatever their values.

    Raises `DataError`, naming row and column, for numbers and text in one column, infinities, dates, other objects, a
    column without any value, and a column that one frame lacks.
    """
    names = [str(name) for name in train.columns]
    _check_columns(dataset, names, [str(name) for name in test.columns])
    for name in categories:
        if name not in names:
            raise DataError(f"{dataset}: categories: there is no column {name!r}.{nearest(name, names)}")
    read = [
        _column(dataset, name, train.iloc[:, at], test[train.columns[at]], name in categories)
        for at, name in enumerate(names)
    ]
    cautions = [
        f"column {column.name!r} has {len(column.categories):,} different categories in {plural(len(train), 'training row')}"
        for column, _, _ in read
        if len(column.categories) > max(20, len(train) // 2)
    ]
    matrices = [np.stack(part, axis=1) for part in ([each[1] for each in read], [each[2] for each in read])]
    return Table(matrices[0], matrices[1], tuple(column for column, _, _ in read), tuple(cautions))


def check_types(dataset: str, series: "pd.Series[Any]") -> None:
    """Raise `DataError` where a column has numbers and text, dates, or other objects, with the first row that does."""
    import pandas as pd

    present = series.dropna()
    place = f"{dataset}: column {str(series.name)!r}"
    if series.dtype.kind in "mM" or isinstance(series.dtype, pd.PeriodDtype | pd.DatetimeTZDtype):
        raise DataError(f"{place} holds dates; {_ABOUT_DATES}")
    if (
        not len(present)
        or pd.api.types.is_numeric_dtype(series.dtype)
        or isinstance(series.dtype, pd.CategoricalDtype)
    ):
        return
    is_text = present.map(lambda value: isinstance(value, str)).to_numpy(bool)
    odd = [value for value in present[~is_text] if not isinstance(value, bool | int | float | np.generic)]
    if odd:
        raise DataError(
            f"{place} must hold numbers or text; got {type(odd[0]).__name__} ({str(odd[0])[:40]})"
        )
    is_number = ~is_text | pd.to_numeric(present, errors="coerce").notna().to_numpy()
    if is_number.any() and not is_number.all():
        raise DataError(f"{place} {_mixture(present, is_number)}")
    if is_text.all() and present.str.fullmatch(DATE).all():
        raise DataError(f"{place} holds dates, such as {present.iloc[0]!r}; {_ABOUT_DATES}")


_ABOUT_DATES = "make numbers of them (a year, a month, days since the first), drop it, or make it a category"


def _mixture(present: "pd.Series[Any]", is_number: NDArray[np.bool_]) -> str:
    """Return a sentence with the first of the rarer of numbers and text, and how many there are of each."""
    numbers = int(is_number.sum())
    rare = is_number if 2 * numbers < len(present) else ~is_number
    at = int(rare.argmax())
    kinds = f"{plural(numbers, 'number')} and {plural(len(present) - numbers, 'text')}"
    return (
        f"has {kinds}: {str(present.iloc[at])[:40]!r} in row {present.index[at]}; "
        "correct it, empty it, or make the column a category"
    )


def _check_columns(dataset: str, train: list[str], test: list[str]) -> None:
    if not train:
        raise DataError(f"{dataset}: there is no column left to predict from")
    twice = [name for at, name in enumerate(train) if name in train[:at]]
    if twice:
        raise DataError(f"{dataset}: there are two columns {twice[0]!r}")
    for name in train:
        if name not in test:
            raise DataError(
                f"{dataset}: x_test has no column {name!r}, which x_train has.{nearest(name, test)}"
            )


def _column(
    dataset: str, name: str, train: "pd.Series[Any]", test: "pd.Series[Any]", is_category: bool
) -> tuple[Column, NDArray[np.float64], NDArray[np.float64]]:
    import pandas as pd

    if not train.notna().any():
        raise DataError(f"{dataset}: column {name!r} has no value in any of the training rows; drop it")
    if not is_category:
        check_types(dataset, pd.concat([train, test]))
    if is_category or not all(_is_numeric(series) for series in (train, test)):
        return _categories(name, train, test)
    return _numbers(dataset, name, train, test)


def _is_numeric(series: "pd.Series[Any]") -> bool:
    """Return whether a column holds numbers or booleans; one of gaps alone may pass for it."""
    import pandas as pd

    if isinstance(series.dtype, pd.CategoricalDtype):
        return False
    return (
        pd.api.types.is_numeric_dtype(series.dtype)
        or not series.map(lambda value: isinstance(value, str)).any()
    )


def _numbers(
    dataset: str, name: str, train: "pd.Series[Any]", test: "pd.Series[Any]"
) -> tuple[Column, NDArray[np.float64], NDArray[np.float64]]:
    arrays: list[NDArray[np.float64]] = []
    for half, series in (("training", train), ("test", test)):
        array = np.asarray(series.astype("Float64").to_numpy(np.float64, na_value=np.nan), np.float64)
        large = np.abs(array) > LARGEST
        if large.any():
            at, count = int(large.argmax()), int(large.sum())
            more = f", as {count - 1:,} more are" if count > 1 else ""
            raise DataError(
                f"{dataset}: column {name!r} is {array[at]} in row {series.index[at]} of the {half} data{more}"
                f"; numbers may be as large as {LARGEST:g}"
            )
        arrays.append(array)
    gaps = int(np.isnan(arrays[0]).sum())
    low, high = float(np.nanmin(arrays[0])), float(np.nanmax(arrays[0]))
    return Column(name, "number", (), gaps, low, high), arrays[0], arrays[1]


def _categories(
    name: str, train: "pd.Series[Any]", test: "pd.Series[Any]"
) -> tuple[Column, NDArray[np.float64], NDArray[np.float64]]:
    words = [
        [_word(value) for value in series.astype(object).where(series.notna(), None)]
        for series in (train, test)
    ]
    known = sorted({word for word in words[0] if word is not None})
    codes: dict[str | None, float] = {word: float(code) for code, word in enumerate(known)}
    codes[None] = np.nan
    arrays = [np.array([codes.get(word, UNSEEN) for word in part], np.float64) for part in words]
    return Column(name, "category", tuple(known), int(np.isnan(arrays[0]).sum())), arrays[0], arrays[1]


def _word(value: Any) -> str | None:
    """Return a category as text: a whole number without decimals, which gaps in its column would have given it."""
    if value is None:
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
