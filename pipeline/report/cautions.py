"""Cautions as pages and terminals show them: those that several variants share are one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.stats.audit import Flag
from pipeline.stats.formatting import listed

NUMBER = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)(?![\w.]*\w)")
MOST_NAMES = 4


@dataclass(frozen=True)
class Caution:
    """What to take care of: `names` of the variants that it is about, empty for the whole ablation."""

    names: str
    message: str

    @property
    def sentence(self) -> str:
        """Both in one line."""
        return f"{self.names}: {self.message}" if self.names else self.message


def cautions(flags: Sequence[Flag]) -> list[Caution]:
    """Return the cautions of an ablation; flags that differ by their variant and their numbers alone are merged.

    Example: "fell by 7 %" of one variant and "fell by 11 %" of another are "fell by 7 to 11 %" of both.
    """
    groups: dict[tuple[str, bool, tuple[str, ...]], list[Flag]] = {}
    for flag in flags:
        words = tuple(NUMBER.split(flag.message)[::2])
        groups.setdefault((flag.kind, flag.variant is None, words), []).append(flag)
    return [_merged(words, group) for (_, _, words), group in groups.items()]


def _merged(words: Sequence[str], flags: Sequence[Flag]) -> Caution:
    variants = [flag.variant for flag in flags if flag.variant is not None]
    columns = zip(*(NUMBER.split(flag.message)[1::2] for flag in flags), strict=True)
    numbers = [_range(column) for column in columns]
    return Caution(
        listed(variants, MOST_NAMES) if variants else "",
        "".join(part for pair in zip(words, [*numbers, ""], strict=True) for part in pair),
    )


def _range(numbers: Sequence[str]) -> str:
    least, most = min(numbers, key=float), max(numbers, key=float)
    return least if least == most else f"{least} to {most}"
