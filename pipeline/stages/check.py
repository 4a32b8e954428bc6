"""The `check` stage: write what the other stages depend on, with defaults filled in, to files that DVC hashes.

DVC would refuse a params file without a key that a stage names; in these files, such keys have their defaults. And DVC would
parse the params file again for every stage that names a key: with 50 ablations, it took 20 seconds to find nothing new.
The files hold a digest of this package's code, so that `dvc.yaml` need not list its files.
"""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.core.files import write_json
from pipeline.data.file_digests import file_digests
from pipeline.params.expansion.expand import expand
from pipeline.params.expansion.resolve import canonical
from pipeline.params.types.dataset import name_of
from pipeline.params.types.study import Study
from pipeline.runs.fingerprint import TRAINING_CODE, own_code, package_digest
from pipeline.stages.settings import ABLATIONS, ENTRIES, HASHES

if TYPE_CHECKING:
    from pipeline.store import Store

RESULTS_CODE = (*TRAINING_CODE, "search", "diagnostics")
"""The code that decides the results of `ablate`; see also `pipeline.runs.fingerprint`."""
DATA_CODE = ("data",)


def write_settings(study: Study, folder: Path) -> None:
    """Write to `folder` what the data sets depend on, what all ablations depend on, their names, and the entry of each."""
    write_json(folder / ABLATIONS, list(study.ablations))
    shutil.rmtree(folder / ENTRIES, ignore_errors=True)
    for name, members in study.groups.items():
        entries = [study.ablations[member].model_dump(mode="json") for member in members]
        write_json(folder / ENTRIES / f"{name}.json", entries[0] if members == [name] else entries)
    write_json(folder / "dataset.json", _data(study, folder.with_name(HASHES)))
    write_json(folder / "study.json", _study(study))


def check_models(study: Study, store: "Store", root: Path) -> list[str]:
    """Have Keras build the model of every variant; return sentences about those that are the same.

    Raises `ParamsError` with what Keras refuses, and `DataError` where data are not prepared, whose shapes decide.
    """
    from pipeline.core.native_logs import native_logs_to
    from pipeline.planning.state import read_states

    states = read_states(study, store, root)
    with native_logs_to(store.folder / ".tensorflow.log"):
        from pipeline.engine.datasets import DatasetCache
        from pipeline.engine.environment import set_up
        from pipeline.engine.model_cache import ModelCache
        from pipeline.training.model_checks import check_models as check_built

        set_up(study.precision)
        return check_built(ModelCache(DatasetCache(root)), store, states)


def _data(study: Study, hashes: Path) -> dict[str, Any]:
    """Return which data sets to fetch, and from where: independent of which ablations use them, and of their order.

    Files of one's own count with their content, which is remembered in the file `hashes`.
    """
    datasets = sorted(study.datasets)
    own = own_code([{"name": dataset} for dataset in datasets])
    code = package_digest(DATA_CODE)
    files = file_digests({name: spec.path for name, spec in sorted(study.dataset_specs.items())}, hashes)
    return {"datasets": datasets, "mirror": study.data.mirror, "files": files, "own": own, "code": code}


def _study(study: Study) -> dict[str, Any]:
    """Return what the results of every ablation depend on."""
    recipes = [
        canonical(variant.recipe) for name in study.ablations for variant in expand(study, name).variants
    ]
    shared = {"seed", "seeds", "margin", "precision", "budget"}
    return {
        "dataset": name_of(study.dataset),
        **study.model_dump(mode="json", include=shared),
        "evaluation": study.evaluation.model_dump(mode="json"),
        "base": canonical(study.base),
        "own": own_code(recipes),
        "code": package_digest(RESULTS_CODE),
    }
