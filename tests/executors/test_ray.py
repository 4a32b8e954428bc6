"""A Ray cluster of two nodes on loopback: equal to the last bit, also when a node dies in the middle of a study."""

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from endtoend.kit import PARAMS, ablate, project_at, results

from pipeline.core.errors import UserError
from pipeline.params.types.executor import ExecutorSpec
from pipeline.store import Store

from .conftest import Notes, assert_same_bits, trained_by
from .driven import assert_all_gone, assert_resumes_here, driver, study

ray = pytest.importorskip("ray", reason="Ray is not installed (extra [ray])")

if TYPE_CHECKING:
    from pipeline.engine.jobs import TrainedRun
    from pipeline.engine.stacks import Engine, Stack

pytestmark = pytest.mark.slow
LOOPBACK = "127.0.0.1"
OBJECT_STORE = 80 * 2**20
"""Bytes of a node's object store, the least that Ray accepts."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    node = {
        "num_cpus": 1,
        "node_ip_address": LOOPBACK,
        "object_store_memory": OBJECT_STORE,
        "include_dashboard": False,
    }
    nodes = Cluster(initialize_head=True, head_node_args=node)
    nodes.add_node(num_cpus=1, node_ip_address=LOOPBACK, object_store_memory=OBJECT_STORE)
    yield nodes
    ray.shutdown()
    nodes.shutdown()


def test_the_error_for_an_address_without_a_cluster_names_the_remedy(
    auto: "Engine", project: Path, tmp_path: Path
) -> None:
    from pipeline.executors.choose import executor

    for address in (f"{LOOPBACK}:1", "nonsense"):
        spec = ExecutorSpec(kind="ray", address=address)
        unreachable = executor(spec, auto, "float32", project, Store(tmp_path))
        with pytest.raises(UserError, match=f"no Ray cluster at '{address}'.*ray start --head"), unreachable:
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
    with executor(spec, auto, "float32", project, Store(tmp_path)) as remote:
        assert_same_bits(trained_by(remote, stacks, notes), here)
    assert not ray.is_initialized()
    assert len({where for _, where in notes.started_at}) == 2  # both nodes were at work
    (lost, why), *others = notes.losses
    assert others == [] and "Died" in why and len(killed) == 1
    attempts = [where for key, where in notes.started_at if key == lost]
    assert len(attempts) == 2 and attempts[0] == killed[0] and attempts[1] != killed[0]


def test_classes_of_ones_own_travel_along_and_results_are_the_same_bytes(
    cluster: Any, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.stages.ablate.Tracker", lambda *_, **__: nullcontext())
    params = json.loads(json.dumps(PARAMS))
    del params["ablations"]["width"]
    params["ablations"]["tuned"]["variants"] = {
        "plain": {},
        "own": {"model": {"activation": "squash:squashed"}},
    }
    outcomes = []
    for place, spec in (("near", {}), ("far", {"kind": "ray", "address": cluster.address})):
        root = project_at(tmp_path / place, project, {**params, "executor": spec})
        (root / "squash.py").write_text(
            "import keras\n\n\ndef squashed(x):\n    return keras.ops.tanh(x / 2)\n"
        )
        monkeypatch.setenv("DVC_ROOT", str(root))
        monkeypatch.syspath_prepend(root)
        ablate(root, "tuned")
        outcomes.append(results(root))
        monkeypatch.delitem(sys.modules, "squash", raising=False)
    assert outcomes[0] == outcomes[1] and len(outcomes[0]) == 1


def test_ctrl_c_ends_the_tasks_of_the_cluster(cluster: Any, project: Path, tmp_path: Path) -> None:
    endless = study({"kind": "ray", "address": cluster.address}, epochs=100_000)
    process = driver(project_at(tmp_path / "project", project, endless))
    try:
        tasks = wait_for_tasks()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=90)
        assert process.returncode == 130 and "interrupted" in errors and "Traceback" not in errors
        assert_all_gone(tasks)
    finally:
        process.kill()
        process.communicate()


def test_a_killed_study_ends_its_tasks_and_is_resumed_to_the_same_bytes(
    cluster: Any, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far, near = study({"kind": "ray", "address": cluster.address}), study({"kind": "local"})
    root, undisturbed = (
        project_at(tmp_path / "killed", project, far),
        project_at(tmp_path / "undisturbed", project, near),
    )
    process = driver(root)
    tasks = wait_for_tasks()
    _, errors = process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL, errors
    assert_all_gone(tasks)
    assert_resumes_here(root, undisturbed, monkeypatch)


def wait_for_tasks() -> list[int]:
    """Return the processes that train stacks for a cluster on this machine, by the title that Ray gives them."""
    deadline = time.monotonic() + 120
    while not (tasks := training()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert tasks
    return tasks


def training() -> list[int]:
    tasks = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if command.startswith(b"ray::train_remotely"):
            tasks.append(int(folder.name))
    return tasks
