"""The runs and diagnostics of each ablation: read to show them in MLflow, and to remove all others from the store."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.core.files import read_json, write_json
from pipeline.core.project import result_folder

FILE = "manifest.json"
"""The copy of a manifest among the results of its ablation, which DVC brings back with them."""


class Manifests:
    """The manifests of all studies in `folder`; `study` is the name of this one, as `study_at` returns it."""

    def __init__(self, folder: Path, study: str) -> None:
        self.folder, self.study = folder, study

    def put(self, ablation: str, manifest: dict[str, Any]) -> None:
        """Write the manifest of `ablation` of this study, as far as its runs are known."""
        write_json(self._path(ablation), manifest)

    def get(self, ablation: str) -> dict[str, Any] | None:
        """Return the manifest of `ablation` of this study, or None if it is missing or damaged."""
        return read_json(self._path(ablation))

    def remove(self, ablation: str) -> None:
        """Remove the manifest of an ablation that this study no longer has; its runs stay."""
        self._path(ablation).unlink(missing_ok=True)

    def all(self) -> dict[str, dict[str, Any]]:
        """Return the readable manifests of all studies, by title: `<ablation>`, or `<study>/<ablation>`."""
        paths = {
            path.relative_to(self.folder).with_suffix("").as_posix(): path
            for path in self.folder.rglob("*.json")
        }
        manifests = {title: read_json(paths[title]) for title in sorted(paths)}
        return {title: manifest for title, manifest in manifests.items() if manifest is not None}

    def run_keys(self) -> dict[tuple[str, str], set[str]]:
        """Return the keys of the runs that manifests name, by title of the ablation and run kind; they may not be stored."""
        keys: dict[tuple[str, str], set[str]] = {}
        for title, manifest in self.all().items():
            for entry in manifest.get("entries") or ():
                keys.setdefault((title, entry["phase"]), set()).add(entry["run_key"])
            if manifest.get("shared"):
                keys[title, "shared"] = set(manifest["shared"])
        return keys

    def follow(self, results: Path, ablations: Iterable[str]) -> None:
        """Take the manifests of this study's `ablations` from their results: DVC may have brought back others.

        Manifests of ablations that the study does not have any more are removed.
        """
        ablations = list(ablations)
        for name in self.own_ablations():
            if name not in ablations:
                self.remove(name)
        for name in ablations:
            manifest = read_json(result_folder(results, name) / FILE)
            if isinstance(manifest, dict) and manifest != self.get(name):
                self.put(name, manifest)

    def own_ablations(self) -> list[str]:
        """Return the ablations of this study that have a manifest."""
        return sorted(path.stem for path in (self.folder / self.study).glob("*.json"))

    def title_of(self, ablation: str) -> str:
        """Return the title of `ablation` of this study, which is unique among all studies: `<study>/<ablation>`."""
        return f"{self.study}/{ablation}".removeprefix("/")

    def _path(self, ablation: str) -> Path:
        return self.folder / f"{self.title_of(ablation)}.json"
