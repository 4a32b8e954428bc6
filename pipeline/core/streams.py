"""Output for terminals and logs that know fewer characters than we use: signs keep their meaning there."""

import codecs
import sys
from typing import TextIO

PLAIN = {
    "\u2212": "-",
    "\u2013": "-",
    "\u2014": "-",
    "\u2026": "...",
    "\u00a0": " ",
    "\u2009": " ",
    "\u2019": "'",
    "\u201c": '"',
    "\u201d": '"',
    "\u00b1": "+-",
    "\u00d7": "x",
    "\u2264": "<=",
    "\u2265": ">=",
    "\u00b7": ".",
    "\u2192": "->",
}
"""What stands for a character that an encoding lacks; lines of tables become hyphens and bars, all else a question mark."""
NAME = "keras-ablation-plain"


def _in_plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(PLAIN.get(character) or _drawn(character) for character in text), error.end


def _drawn(character: str) -> str:
    if "\u2500" <= character <= "\u257f":
        return "|" if character in "\u2502\u2503\u2551" else "-"
    return "#" if "\u2580" <= character <= "\u259f" else "?"


def allow_any_encoding() -> None:
    """Let standard output and error write any text, whatever their encoding is."""
    codecs.register_error(NAME, _in_plain)
    for stream in (sys.stdout, sys.stderr):
        _reconfigure(stream)


def _reconfigure(stream: TextIO) -> None:
    encoding = (getattr(stream, "encoding", None) or "").lower().replace("-", "")
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None and not encoding.startswith("utf"):
        reconfigure(errors=NAME)
