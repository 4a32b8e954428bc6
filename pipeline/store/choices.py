"""Decisions that stay as they were once made, by key: the choice of each search, what a budget allowed."""

from pathlib import Path
from typing import Any

from pipeline.core.files import read_json, write_json


class Choices:
    """The decisions in `folder`: of a search the chosen `values` and all `trials`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: str) -> dict[str, Any] | None:
        """Return a decision, or None while there is none."""
        return read_json(self.folder / f"{key}.json")

    def put(self, key: str, choice: dict[str, Any]) -> None:
        """Freeze a decision."""
        write_json(self.folder / f"{key}.json", choice)
