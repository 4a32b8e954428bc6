"""What a data set gives before it is checked and stored: training data, and test data."""

from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import DataError
from pipeline.core.metrics import Task
from pipeline.core.text import plural


@dataclass(frozen=True, eq=False)
class Half:
    """The training data, or the test data: inputs by name (`""` where there is one alone), or a table; targets; or more.

    A table is a pandas DataFrame. `weights` and `groups` [n] are None where there are none.
    """

    x: Any
    y: Any
    weights: Any = None
    groups: Any = None


@dataclass(frozen=True, eq=False)
class Given:
    """A data set as it was given: both halves, and what is known besides.

    `task` is stated, or None; `output_names` names classes, labels or targets where the data do not; `categories` are
    columns of a table that hold categories whatever their values.
    """

    name: str
    title: str
    train: Half
    test: Half
    task: Task | None = None
    output_names: tuple[str, ...] | None = None
    categories: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()


def is_table(x: Any) -> bool:
    """Return whether inputs are a pandas DataFrame; pandas is not imported for that."""
    return hasattr(x, "iloc")


def rows_of(x: Any) -> int:
    """Return how many rows inputs or a table have."""
    return len(x) if is_table(x) else int(next(iter(x.values())).shape[0])


def check_lengths(dataset: str, name: str, half: Half) -> None:
    """Raise `DataError` where the targets, weights or groups of the `name` half are not as many as its rows."""
    count = rows_of(half.x)
    for what, values in (("y", half.y), ("weights", half.weights), ("groups", half.groups)):
        if hasattr(values, "__len__") and len(values) != count:
            raise DataError(
                f"{dataset}: {what}_{name} must have one entry for each of the {plural(count, 'row')} of x_{name}; "
                f"got {len(values):,}"
            )
