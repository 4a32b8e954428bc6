"""What the stages depend on besides their own ablation, defaults filled in: files for DVC to hash.

DVC would refuse a params file that leaves out a key which a stage names; here left-out keys have their defaults.
"""

from pathlib import Path

from pipeline.params.expand import canonical, expand
from pipeline.params.schema import Study
from pipeline.runs import own_code
from pipeline.store import write_json


def write_settings(study: Study, folder: Path) -> None:
    """Write `dataset.json` and `study.json` to `folder`: what the data, and what every ablation, depends on."""
    write_json(folder / "dataset.json", {"dataset": study.dataset, "own": own_code({"name": study.dataset})})
    recipes = [
        canonical(variant.recipe) for name in study.ablations for variant in expand(study, name).variants
    ]
    shared = ("dataset", "seed", "seeds", "margin", "precision")
    settings = {name: getattr(study, name) for name in shared}
    write_json(
        folder / "study.json",
        {**settings, "base": canonical(study.base), "own": own_code(recipes)},
    )
