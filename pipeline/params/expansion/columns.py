"""The names of a data set's columns, or of its inputs, as far as they are known without reading its rows."""

import csv
from collections.abc import Mapping

from pipeline.core.errors import DataError
from pipeline.core.project import study_folder
from pipeline.data.catalogue import lookup
from pipeline.params.types.dataset import DatasetSpec, name_of

LONGEST = 1 << 20
"""Characters of a header that are read at most."""


def column_names(source: str | DatasetSpec) -> tuple[str, ...] | None:
    """Return the columns of a table, or the names of several inputs; none of other data; None where it is not known yet.

    A CSV file says so in its first line, anything else once it was fetched.
    """
    if isinstance(source, DatasetSpec) and source.csv is not None:
        return _of_header(source)
    try:
        record = lookup(name_of(source), study_folder())
    except DataError:
        return None
    if isinstance(record.input_shape, Mapping):
        return tuple(record.input_shape)
    return tuple(column.name for column in record.columns)


def _of_header(source: DatasetSpec) -> tuple[str, ...]:
    with source.path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        header = next(csv.reader([lines.readline(LONGEST)]), [])
    other = {*source.target, *source.drop, source.groups, source.weights}
    return tuple(name for name in header if name not in other)
