"""The encoding of a table, fitted on the rows that a run trains on: gaps filled, numbers scaled, categories one-hot."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import DataError, nearest
from pipeline.data.catalogue import Column


class Encoder:
    """A fitted encoding, from rows as `Prepared` has them `[n, columns]` to float32 `[n, features]`.

    `names` are those of the features: of a number its column's, of a category `column=category`.
    """

    def __init__(self, transformer: Any, names: list[str]) -> None:
        self._transformer, self.names = transformer, names

    def __call__(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """Return encoded rows; a category that the training data do not have is zero in all of its features."""
        return np.asarray(self._transformer.transform(x), np.float32)


def fit_encoder(
    columns: Sequence[Column], x_rows: NDArray[Any], without: Sequence[str] = (), standardise: bool = True
) -> Encoder:
    """Return the encoder fitted on `x_rows` [n, columns], the rows that train; columns named in `without` are left out.

    Gaps in numbers become the median, then numbers get mean 0 and standard deviation 1 if `standardise`. Categories have
    a feature for each, and one for gaps where the training data have any. Raises `DataError` for an unknown name in
    `without`, and where no column is left.

    Example: `fit_encoder(record.columns, x_train[split.train])(x_test)`.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    known = [column.name for column in columns]
    for name in without:
        if name not in known:
            raise DataError(
                f"features: there is no column {name!r}; there are {', '.join(known)}.{nearest(name, known)}"
            )
    kept = [at for at, name in enumerate(known) if name not in without]
    if not kept:
        raise DataError("features: no column is left to predict from")
    numbers = [at for at in kept if columns[at].kind == "number"]
    categories = [at for at in kept if columns[at].kind == "category"]
    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    codes = [_codes(columns[at]) for at in categories]
    one_hot = OneHotEncoder(categories=codes, handle_unknown="ignore", sparse_output=False)
    transformer = ColumnTransformer(
        [
            ("numbers", make_pipeline(imputer, StandardScaler()) if standardise else imputer, numbers),
            ("categories", one_hot, categories),
        ]
    )
    names = [known[at] for at in numbers] + [name for at in categories for name in _names(columns[at])]
    return Encoder(transformer.fit(x_rows), names)


def _codes(column: Column) -> NDArray[np.float64]:
    codes = np.arange(len(column.categories), dtype=np.float64)
    return np.append(codes, np.nan) if column.missing else codes


def _names(column: Column) -> list[str]:
    return [
        f"{column.name}={category}" for category in (*column.categories, *["missing"] * bool(column.missing))
    ]
