"""The errors a user can cause, and can mend by reading them."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """Something outside the code must change; the command line prints the message and exits with status 2."""


class ParamsError(UserError):
    """A params file with faults, all of them found in one go.

    `faults` are complete sentences, each naming its path, what is allowed, what came and the nearest name.
    """

    def __init__(self, source: str, faults: list[str]) -> None:
        self.source = source
        self.faults = faults
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__("\n".join([f"{source}: {count}", *(f"  {fault}" for fault in faults)]))


class DataError(UserError):
    """A data set that cannot be had, or is not what it should be."""


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?` for the closest of `allowed`, or nothing when none is close."""
    by_folded = {candidate.lower(): candidate for candidate in allowed}
    close = get_close_matches(name.lower(), by_folded, n=1, cutoff=0.6)
    return f" Did you mean {by_folded[close[0]]!r}?" if close else ""
