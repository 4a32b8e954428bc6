"""What a worker reports about the stack it trains.

Without TensorFlow and numpy: a worker process imports this module before it is bound to its cores.
"""

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import UserError
from pipeline.runs.records import Curves

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Started:
    """Training has begun on a node of a cluster; `node` is its id."""

    node: str


@dataclass(frozen=True)
class EpochReport:
    """`epochs` epochs are done; `curves` are those of the stack's first runs so far."""

    epochs: int
    curves: list[Curves]


@dataclass(frozen=True, eq=False)
class Trained:
    """Training is done: the trained runs as `pack_trained` returns them, and the bytes of memory that the worker holds."""

    runs: str
    arrays: "list[NDArray[Any]]"
    held: int


@dataclass(frozen=True)
class Failed:
    """Training raised an error: `text` is the message of a `UserError`, and a traceback for any other."""

    text: str
    is_user_error: bool

    @classmethod
    def of(cls, error: BaseException) -> "Failed":
        """Return the message about an error."""
        if isinstance(error, UserError):
            return cls(str(error), is_user_error=True)
        return cls("".join(traceback.format_exception(error)), is_user_error=False)

    def error(self) -> Exception:
        """Return the error to raise in the process that requested the training."""
        return UserError(self.text) if self.is_user_error else RuntimeError(f"a worker failed:\n{self.text}")


Message = Started | EpochReport | Trained | Failed
