"""A trained model in the format that `mlflow.keras.load_model` and `mlflow.pyfunc.load_model` read.

`mlflow.keras.log_model` takes ten seconds for each model: it imports Keras and looks which packages the model needs.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipeline.core.files import read_json


@dataclass(frozen=True)
class ModelFile:
    """A `.keras` file, and the file that says what the model takes and returns (see `pipeline.training.export`).

    A model that was saved by an older version has no such file, and MLflow then shows no signature.
    """

    model: Path
    signature: Path


@contextmanager
def model_folder(file: ModelFile, model_id: str, run_id: str) -> Iterator[Path]:
    """Yield a folder with a model and what MLflow reads with it; the folder is gone afterwards."""
    described = read_json(file.signature) or {}
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "data").mkdir()
        _link(file.model, folder / "data" / "model.keras")
        (folder / "data" / "keras_module.txt").write_text("keras", encoding="utf-8")
        (folder / "MLmodel").write_text(
            _description(described, file.model, model_id, run_id), encoding="utf-8"
        )
        (folder / "requirements.txt").write_text(_requirements(described), encoding="utf-8")
        yield folder


def _description(described: Mapping[str, Any], model: Path, model_id: str, run_id: str) -> str:
    """Return the file `MLmodel`, which is YAML, of which JSON is a part."""
    keras = {
        "data": "data",
        "keras_version": described.get("keras", ""),
        "keras_backend": described.get("backend", ""),
        "save_exported_model": False,
    }
    fields: dict[str, Any] = {
        "flavors": {"keras": keras, "python_function": {"loader_module": "mlflow.keras", "data": "."}},
        "model_id": model_id,
        "run_id": run_id,
        "model_size_bytes": model.stat().st_size,
    }
    if described.get("inputs"):
        tensors = {
            side: json.dumps(_tensors(described[side]))
            for side in ("inputs", "outputs")
            if described.get(side)
        }
        fields["signature"] = {"inputs": None, "outputs": None, "params": None, **tensors}
    return json.dumps(fields, indent=1) + "\n"


def _tensors(described: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return tensors as MLflow's schema has them; one alone has no name, so that an array can be passed for it."""
    return [
        {
            "type": "tensor",
            "tensor-spec": {"dtype": tensor["dtype"], "shape": tensor["shape"]},
            **({"name": tensor["name"]} if len(described) > 1 else {}),
        }
        for tensor in described
    ]


def _requirements(described: Mapping[str, Any]) -> str:
    return "".join(f"{package}=={version}\n" for package, version in described.get("packages", {}).items())


def _link(file: Path, target: Path) -> None:
    """Make a file appear at another place, without copying it where that is possible."""
    try:
        os.link(file, target)
    except OSError:
        shutil.copyfile(file, target)
