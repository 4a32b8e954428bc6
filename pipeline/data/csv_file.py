"""Data sets in a CSV file: a table, its targets, and columns with weights and groups."""

import csv
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import DataError, nearest
from pipeline.core.text import one_line
from pipeline.data.file_spec import FileSpec
from pipeline.data.frames import check_types
from pipeline.data.halves import Half

if TYPE_CHECKING:
    import pandas as pd

LONGEST = 10 * 2**20
"""Bytes in a line: a longer one is no table, and reading it could take all memory."""
SEPARATORS = ",;\t|"


def read(spec: FileSpec) -> tuple[Half, None]:
    """Return the data in a CSV file with a line of names at its top; rows are counted from 1 below it.

    The separator is a comma, semicolon, tab or bar, whichever that line has most. Raises `DataError` for a file that
    pandas cannot read, a column that is missing or twice there, no rows, a gap in the targets, weights or groups, and
    numbers and text in one target.
    """
    names, separator = _header(spec)
    used = (*spec.target, *filter(None, (spec.groups, spec.weights)))
    for name in (*used, *spec.drop, *spec.categories):
        if name not in names:
            raise DataError(
                f"{spec.title}: there is no column {name!r}; there are {_few(names)}.{nearest(name, names)}"
            )
    frame = _frame(spec, separator)
    for name in used:
        _check_gaps(spec, frame[name])
    any_type = {*spec.categories, spec.groups, *(spec.target if spec.task == "classes" else ())}
    for name in frame.columns:
        if name not in any_type:  # here and not after the split, so that the first row is named
            check_types(spec.title, frame[name])
    y = frame[spec.target[0]] if len(spec.target) == 1 else frame[list(spec.target)]
    weights, groups = (
        None if name is None else frame[name].to_numpy() for name in (spec.weights, spec.groups)
    )
    return Half(frame.drop(columns=list(used)), y, weights, groups), None


def _header(spec: FileSpec) -> tuple[list[str], str]:
    """Return the names of the columns, and what separates them."""
    _check_lines(spec)
    try:
        with spec.path.open(encoding="utf-8-sig", newline="") as stream:
            line = stream.readline()
            separator = max(SEPARATORS, key=line.count)
            stream.seek(0)
            names = next(csv.reader(stream, delimiter=separator, skipinitialspace=True), [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{spec.title}: cannot be read: {error}") from error
    twice = [name for at, name in enumerate(names) if name in names[:at]]
    if not names or twice:
        what = (
            f"there are two columns {twice[0]!r}"
            if twice
            else "is empty: its first line must name the columns"
        )
        raise DataError(f"{spec.title}: {what}")
    return names, separator


def _check_lines(spec: FileSpec) -> None:
    """Raise `DataError` where a line is too long to be one of a table; reads a block at a time."""
    length, number = 0, 1
    try:
        with spec.path.open("rb") as stream:
            while block := stream.read(2**20):
                length += block.index(b"\n") if b"\n" in block else len(block)
                if length > LONGEST:
                    raise DataError(
                        f"{spec.title}: line {number} has more than {LONGEST // 2**20} MB: no table has such lines"
                    )
                if b"\n" in block:
                    number += block.count(b"\n")
                    length = len(block) - block.rindex(b"\n") - 1
    except OSError as error:
        raise DataError(f"{spec.title}: cannot be read: {error.strerror}") from error


def _frame(spec: FileSpec, separator: str) -> "pd.DataFrame":
    import pandas as pd

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # of rows with more cells than names
            frame = pd.read_csv(
                spec.path,
                sep=separator,
                dtype=dict.fromkeys(spec.categories, "str"),
                index_col=False,
                skipinitialspace=True,
                low_memory=False,
            )
    except (OSError, ValueError, OverflowError, pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise DataError(f"{spec.title}: cannot be read: {one_line(error)}") from error
    if not len(frame):
        raise DataError(f"{spec.title}: has no rows below the names of its columns")
    frame.index += 1
    return frame.drop(columns=list(spec.drop))


def _check_gaps(spec: FileSpec, column: "pd.Series[Any]") -> None:
    gaps = column.index[column.isna()].tolist()
    if gaps:
        more = f" and {len(gaps) - 3:,} more" if len(gaps) > 3 else ""
        rows = f"{'row' if len(gaps) == 1 else 'rows'} {', '.join(map(str, gaps[:3]))}{more}"
        raise DataError(f"{spec.title}: column {column.name!r} has no value in {rows}; leave such rows out")


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + ", …" * (len(names) > 12)
