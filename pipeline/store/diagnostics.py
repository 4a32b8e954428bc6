"""The outcomes of diagnostics, by key, so that no diagnostic is computed twice."""

from pathlib import Path
from typing import Any

from pipeline.core.files import read_json, write_json


class DiagnosticOutcomes:
    """The outcomes in `folder`; damaged ones count as missing, and are computed again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: str) -> dict[str, Any] | None:
        """Return an outcome, or None if it is missing or damaged."""
        entry = read_json(self.folder / f"{key}.json")
        outcome = entry.get("outcome") if isinstance(entry, dict) else None
        return outcome if isinstance(outcome, dict) else None

    def put(self, key: str, outcome: dict[str, Any]) -> None:
        """Store an outcome, completely or not at all, with its numbers rounded to six digits."""
        write_json(self.folder / f"{key}.json", {"outcome": rounded(outcome)})

    def files(self) -> list[Path]:
        """Return the files of all outcomes, including those that killed processes left half written."""
        return sorted(self.folder.iterdir()) if self.folder.is_dir() else []


def rounded(value: Any) -> Any:
    """Return plain data with every number rounded to six significant digits: no figure shows more."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list) else value
