"""Measured tables in documents, between markers, so that no number there is typed by hand."""

from pathlib import Path


def write_table(path: Path, marker: str, table: str) -> None:
    """Replace the text between `<!-- marker:begin -->` and `<!-- marker:end -->`.

    Raises `ValueError` where the document lacks them.
    """
    begin, end = f"<!-- {marker}:begin -->", f"<!-- {marker}:end -->"
    text = path.read_text(encoding="utf-8")
    if begin not in text or end not in text:
        raise ValueError(f"{path} must hold {begin} and {end}")
    before, after = text.split(begin)[0], text.split(end)[1]
    path.write_text(f"{before}{begin}\n{table}\n{end}{after}", encoding="utf-8")
