"""What was found by looking, kept beside the runs in `.runs/.probes/<key>.json`, so that nothing is computed twice."""

from typing import Any

from pipeline.store import Store, read_json, write_json

FOLDER = ".probes"


class Ledger:
    """Outcomes of probes by key; a damaged one counts as missing, and is computed again."""

    def __init__(self, store: Store) -> None:
        self.folder = store.folder / FOLDER

    def get(self, key: str) -> dict[str, Any] | None:
        """Return an outcome, or None where there is none."""
        found = read_json(self.folder / f"{key}.json")
        return (
            found["outcome"] if isinstance(found, dict) and isinstance(found.get("outcome"), dict) else None
        )

    def put(self, key: str, outcome: dict[str, Any]) -> None:
        """Keep an outcome, whole or not at all."""
        write_json(self.folder / f"{key}.json", {"outcome": rounded(outcome)})


def rounded(value: Any) -> Any:
    """Return plain data with every number cut to six digits, which no figure shows."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list) else value
