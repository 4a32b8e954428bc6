"""What our own code never does, checked in its syntax trees."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "pipeline").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")])
UNSAFE_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml"}
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "tempfile.mktemp"}
BY_NUMPY = {"np.load", "np.save", "np.savez", "np.savez_compressed", "numpy.load", "numpy.save"}


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def argument(call: ast.Call, name: str) -> str | None:
    return next((ast.unparse(keyword.value) for keyword in call.keywords if keyword.arg == name), None)


def offences_in(source: str) -> list[str]:
    """Return what in a file could execute data that it reads, or pass it to a shell."""
    tree = ast.parse(source)
    offences = []
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        offences += [f"imports {name}" for name in names if name.split(".")[0] in UNSAFE_MODULES]
    for name, call in calls(tree):
        if name in UNSAFE_CALLS:
            offences.append(f"calls {name}")
        if name in BY_NUMPY and argument(call, "allow_pickle") != "False":
            offences.append(f"{name} without allow_pickle=False")
        if argument(call, "shell") not in (None, "False"):
            offences.append(f"{name} through a shell")
        if name.endswith("load_model") and argument(call, "safe_mode") not in (None, "True"):
            offences.append(f"{name} out of safe mode")
        if name.endswith("enable_unsafe_deserialization"):
            offences.append(f"calls {name}")
        if name == "YAML" and argument(call, "typ") != "'safe'":
            offences.append("reads YAML that is not safe")
    return offences


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_that_is_read_can_run(path: Path) -> None:
    assert offences_in(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "import numpy as np\nnp.load(path)",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
        "subprocess.run(line, shell=True)",
        "keras.saving.load_model(path, safe_mode=False)",
        "YAML(typ='unsafe')",
        "eval(text)",
    ],
)
def test_each_offence_is_found(source: str) -> None:
    assert len(offences_in(source)) == 1


def test_official_addresses_are_https() -> None:
    from pipeline.data.catalogue import CATALOGUE

    addresses = [address for record in CATALOGUE.values() for address in record.sources]
    assert addresses and all(address.startswith("https://") for address in addresses)


def test_servers_listen_on_loopback_alone() -> None:
    """Every place that starts a server or binds a socket names the one constant."""
    from pipeline.tracking import server

    assert server.HOST == "127.0.0.1"
    binds = [
        (path.name, ast.unparse(call))
        for path in FILES
        if path.is_relative_to(ROOT / "pipeline")
        for name, call in calls(ast.parse(path.read_text(encoding="utf-8")))
        if name.endswith(".bind")
    ]
    assert binds and all("HOST" in text for _, text in binds)
    hosts = [path for path in FILES if "0.0.0.0" in path.read_text(encoding="utf-8")]
    assert hosts == []


def test_every_promise_names_a_test_that_is_there() -> None:
    promises = [
        line for line in (ROOT / "SECURITY.md").read_text(encoding="utf-8").splitlines() if line[:2] == "| "
    ]
    for line in promises[1:]:
        tests = re.findall(r"`(tests/[\w/]+\.py)`", line.rsplit("|", 2)[1])
        assert tests and all((ROOT / name).is_file() for name in tests), line
