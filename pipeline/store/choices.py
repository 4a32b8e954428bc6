"""The frozen choice of each search, by the search's key."""

from pathlib import Path
from typing import Any

from pipeline.core.files import read_json, write_json


class Choices:
    """The frozen choices in `folder`: the chosen `values`, and all `trials`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: str) -> dict[str, Any] | None:
        """Return the frozen choice of a search, or None while the search has not ended."""
        return read_json(self.folder / f"{key}.json")

    def put(self, key: str, choice: dict[str, Any]) -> None:
        """Freeze the choice of a search."""
        write_json(self.folder / f"{key}.json", choice)
