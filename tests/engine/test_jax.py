"""JAX as Keras's backend: the same study, its fused engine equal to `fit`."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from pipeline.core.errors import UserError
from pipeline.runs.fingerprint import backend_name

HERE = Path(__file__).parent
NETS = {
    "optimizer": {"name": "nadam", "learning_rate": 0.01, "clipnorm": 0.5},
    "model": {"layers": [{"units": 8, "normalisation": "before"}, "own_layers:Block", 6]},
    "regularisation": {
        "dropout": 0.1,
        "kernel_regularizer": {"name": "l2", "l2": 0.01},
        "kernel_constraint": {"name": "max_norm", "max_value": 0.8},
    },
}
SCRIPT = """
import json, sys, warnings
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from kit import run
from pipeline.engine.datasets import DatasetCache
from pipeline.engine.environment import environment, set_up
from pipeline.engine.model_cache import ModelCache
from pipeline.engine.stacks import Engine
from engine.training import assert_near, train
set_up("float32")
model_cache = ModelCache(DatasetCache(Path(sys.argv[1])))
nets = json.loads(sys.argv[3])
runs = [run({**nets, "regularisation": {**nets["regularisation"], "dropout": rate}}, seed=seed)
        for seed, rate in enumerate((0.1, 0.3))]
together, alone = train(Engine(model_cache, "fused"), runs), train(Engine(model_cache, "fit"), runs)
for one, other in zip(together, alone):
    assert_near(one, other, tolerance=2e-4)
print(json.dumps([together[0].record.engine.name, together[0].record.engine.size, environment()]))
"""


@pytest.mark.slow
@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed (the extra [jax])")
def test_fused_equals_fit_on_jax(project: Path) -> None:
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(HERE.parent.parent)}
    environment["DVC_ROOT"] = str(HERE.parent / "build")  # where the layer of one's own is
    command = [sys.executable, "-c", SCRIPT, str(project), str(HERE.parent), json.dumps(NETS)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    name, size, libraries = json.loads(done.stdout.splitlines()[-1])
    assert (name, size) == ("fused", 2)
    assert "jax" in libraries


def test_the_backend_is_found_as_keras_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    assert backend_name() == "tensorflow"
    (tmp_path / "keras.json").write_text('{"backend": "torch"}')
    with pytest.raises(UserError, match="must be tensorflow or jax; got 'torch'"):
        backend_name()
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert backend_name() == "tensorflow"
