"""A Ray cluster of two nodes on loopback: equal to the last bit, also when a node dies in the middle of a study."""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from endtoend.kit import PARAMS, ablate, project_at, results

from pipeline.errors import UserError
from pipeline.params.executor import ExecutorSpec
from pipeline.store import Store

from .conftest import Notes, assert_same_bits, trained_by
from .driven import assert_all_gone, assert_goes_on_here, driver, study

os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = (
    "0"  # its nodes then know each other by their loopback address
)
ray = pytest.importorskip("ray", reason="Ray is not installed (extra [ray])")

if TYPE_CHECKING:
    from pipeline.engine.auto import Engine, Stack
    from pipeline.engine.protocol import TrainedRun

pytestmark = pytest.mark.slow
LOOPBACK = "127.0.0.1"
STORE = 80 * 2**20  # bytes of a node's object store, the least that Ray takes


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    node = {
        "num_cpus": 1,
        "node_ip_address": LOOPBACK,
        "object_store_memory": STORE,
        "include_dashboard": False,
    }
    made = Cluster(initialize_head=True, head_node_args=node)
    made.add_node(num_cpus=1, node_ip_address=LOOPBACK, object_store_memory=STORE)
    yield made
    ray.shutdown()
    made.shutdown()


def test_an_address_where_nothing_is_says_what_to_do(auto: "Engine", project: Path, tmp_path: Path) -> None:
    from pipeline.executors.choose import executor

    for address in (f"{LOOPBACK}:1", "nonsense"):
        made = executor(ExecutorSpec(kind="ray", address=address), auto, "float32", project, Store(tmp_path))
        with pytest.raises(UserError, match=f"no Ray cluster at '{address}'.*ray start --head"), made:
            pass


def test_a_study_outlives_one_of_its_nodes_to_the_last_bit(
    cluster: Any,
    auto: "Engine",
    stacks: "list[Stack]",
    here: "dict[str, TrainedRun]",
    project: Path,
    tmp_path: Path,
) -> None:
    from pipeline.executors.choose import executor

    doomed = next(node for node in cluster.worker_nodes)
    killed: list[str] = []

    class Killing(Notes):
        def started(self, stack: "Stack", where: str) -> None:
            super().started(stack, where)
            if where.endswith(f"#{doomed.node_id[:6]}") and not killed:
                killed.append(where)
                cluster.remove_node(doomed, allow_graceful=False)

    spec, notes = ExecutorSpec(kind="ray", address=cluster.address), Killing()
    with executor(spec, auto, "float32", project, Store(tmp_path)) as made:
        assert_same_bits(trained_by(made, stacks, notes), here)
    assert not ray.is_initialized()
    assert len({where for _, where in notes.started_at}) == 2  # both nodes were at work
    (lost, why), *others = notes.losses
    assert others == [] and "Died" in why and len(killed) == 1
    tries = [where for key, where in notes.started_at if key == lost]
    assert len(tries) == 2 and tries[0] == killed[0] and tries[1] != killed[0]


def test_classes_of_ones_own_travel_along_and_results_are_the_same_bytes(
    cluster: Any, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.ablate.Tracker", lambda *_, **__: nullcontext())
    params = json.loads(json.dumps(PARAMS))
    del params["ablations"]["width"]
    params["ablations"]["tuned"]["variants"] = {
        "plain": {},
        "own": {"model": {"activation": "squash:squashed"}},
    }
    found = []
    for place, spec in (("near", {}), ("far", {"kind": "ray", "address": cluster.address})):
        root = project_at(tmp_path / place, project, {**params, "executor": spec})
        (root / "squash.py").write_text(
            "import keras\n\n\ndef squashed(x):\n    return keras.ops.tanh(x / 2)\n"
        )
        monkeypatch.setenv("DVC_ROOT", str(root))
        monkeypatch.syspath_prepend(root)
        ablate(root, "tuned")
        found.append(results(root))
        monkeypatch.delitem(sys.modules, "squash", raising=False)
    assert found[0] == found[1] and len(found[0]) == 1


def test_ctrl_c_ends_the_tasks_of_the_cluster(cluster: Any, project: Path, tmp_path: Path) -> None:
    endless = study({"kind": "ray", "address": cluster.address}, epochs=100_000)
    process = driver(project_at(tmp_path / "project", project, endless))
    try:
        tasks = wait_for_tasks()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=90)
        assert process.returncode == 130 and "interrupted" in said and "Traceback" not in said
        assert_all_gone(tasks)
    finally:
        process.kill()
        process.communicate()


def test_a_killed_study_ends_its_tasks_and_goes_on_to_the_same_bytes(
    cluster: Any, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far, near = study({"kind": "ray", "address": cluster.address}), study({"kind": "local"})
    root, peaceful = (
        project_at(tmp_path / "killed", project, far),
        project_at(tmp_path / "peaceful", project, near),
    )
    process = driver(root)
    tasks = wait_for_tasks()
    _, said = process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL, said
    assert_all_gone(tasks)
    assert_goes_on_here(root, peaceful, monkeypatch)


def wait_for_tasks() -> list[int]:
    """Return the processes that train stacks for a cluster on this machine, by the title that Ray gives them."""
    patience = time.monotonic() + 120
    while not (found := training()) and time.monotonic() < patience:
        time.sleep(0.1)
    assert found
    return found


def training() -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if command.startswith(b"ray::train_remotely"):
            found.append(int(folder.name))
    return found
