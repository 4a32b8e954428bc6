"""Durations, sizes, counts and errors as readable text."""


def duration(seconds: float) -> str:
    """Return a duration in readable precision: `8 s`, `2 min 10 s`, `1 h 5 min`."""
    total = round(seconds)
    if total < 60:
        return f"{total} s"
    if total < 3600:
        return f"{total // 60} min {total % 60} s"
    return f"{total // 3600} h {total % 3600 // 60} min"


def megabytes(size: int) -> str:
    """Return a number of bytes as megabytes: `3.4 MB`."""
    return f"{size / 1e6:,.1f} MB"


def plural(count: int, noun: str) -> str:
    """Return `1 run`, `2 runs`, `1,200 runs`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def one_line(error: BaseException) -> str:
    """Return the message of an error on one line: those of libraries often have several."""
    return " ".join(str(error).split())


def in_words(name: str) -> str:
    """Return the name of a metric in words: `mean_io_u` is `mean IoU`."""
    words = name.replace("io_u", "IoU").split("_")
    return " ".join(word.upper() if word in ("auc", "pr", "roc") else word for word in words)
