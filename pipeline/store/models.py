"""What was found out about models by building them, by key: their layers, or why Keras refuses them."""

from pathlib import Path
from typing import Any

from pipeline.core.files import read_json, write_json


class BuiltModels:
    """Summaries in `folder`; damaged ones count as missing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: str) -> dict[str, Any] | None:
        """Return a summary, or None if it is missing or damaged."""
        summary = read_json(self.folder / f"{key}.json")
        whole = isinstance(summary, dict) and (
            isinstance(summary.get("layers"), list) or summary.get("fault")
        )
        return summary if whole else None

    def put(self, key: str, summary: dict[str, Any]) -> None:
        """Store a summary, completely or not at all."""
        write_json(self.folder / f"{key}.json", summary)
