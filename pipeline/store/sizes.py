"""The sizes of stacks that were measured to be fastest, by machine and graph."""

from pathlib import Path
from typing import Any

from pipeline.core.files import read_json, write_json


class StackSizes:
    """The sizes in `file`."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def get(self, key: str) -> int | None:
        """Return the size for the `key` of a machine and graph, or None."""
        size = self._all().get(key)
        return size if isinstance(size, int) and size > 0 else None

    def put(self, key: str, size: int) -> None:
        """Store a size."""
        write_json(self.file, {**self._all(), key: size})

    def _all(self) -> dict[str, Any]:
        sizes = read_json(self.file)
        return sizes if isinstance(sizes, dict) else {}
