"""What the stages depend on, defaults filled in: files for DVC to hash.

DVC would refuse a params file that leaves out a key which a stage names; here left-out keys have their defaults. And it
would parse the params file anew for every stage that names a key: 50 ablations took it 20 seconds to find nothing new.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.store import read_json, write_json

if TYPE_CHECKING:
    from pipeline.params.schema import Study

ABLATIONS = "ablations.json"
ENTRIES = "ablations"


def read_ablations(folder: Path, newer_than: Path) -> Sequence[str] | None:
    """Return the names that `write_settings` wrote last, without reading the params file.

    None where it did not, or where the params file was changed since.
    """
    try:
        changed = newer_than.stat().st_mtime_ns > (folder / ABLATIONS).stat().st_mtime_ns
    except OSError:
        return None
    return None if changed else read_json(folder / ABLATIONS)


def write_settings(study: "Study", folder: Path) -> None:
    """Write to `folder` what the data depends on, what every ablation does, which there are, and each one's own entry."""
    from pipeline.params.expand import canonical, expand
    from pipeline.runs import own_code

    write_json(folder / ABLATIONS, list(study.ablations))
    shutil.rmtree(folder / ENTRIES, ignore_errors=True)
    for name, ablation in study.ablations.items():
        write_json(folder / ENTRIES / f"{name}.json", ablation.model_dump(mode="json"))
    write_json(folder / "dataset.json", _data(study))
    recipes = [
        canonical(variant.recipe) for name in study.ablations for variant in expand(study, name).variants
    ]
    shared = ("dataset", "seed", "seeds", "margin", "precision")
    settings = {name: getattr(study, name) for name in shared}
    write_json(
        folder / "study.json",
        {
            **settings,
            "evaluation": study.evaluation.model_dump(mode="json"),
            "base": canonical(study.base),
            "own": own_code(recipes),
        },
    )


def _data(study: "Study") -> dict[str, Any]:
    """Return what is to be fetched, from where: the same whichever ablation asks for a data set, and in what order."""
    from pipeline.runs import own_code

    datasets = sorted(study.datasets)
    own = own_code([{"name": dataset} for dataset in datasets])
    return {"datasets": datasets, "mirror": study.data.mirror, "own": own}
