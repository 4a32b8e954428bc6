"""Errors that a user can cause, with messages that say how to fix them."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """An error that the user can fix; the command line prints its message and exits with status 2."""


class ParamsError(UserError):
    """A params file with faults, which are all reported at once.

    `faults` are complete sentences, each with the path, what is allowed, what was given, and the nearest allowed name.
    """

    def __init__(self, source: str, faults: list[str]) -> None:
        self.source = source
        self.faults = faults
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__("\n".join([f"{source}: {count}", *(f"  {fault}" for fault in faults)]))


class DataError(UserError):
    """A data set that is not available, or does not have the expected content, or cannot be split as requested."""


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?` for the closest of `allowed` (ignoring case), or an empty string if none is close."""
    by_folded = {candidate.lower(): candidate for candidate in allowed}
    close = get_close_matches(name.lower(), by_folded, n=1, cutoff=0.6)
    return f" Did you mean {by_folded[close[0]]!r}?" if close else ""
