"""Begin: write a study into a repository that has its own code. Nothing that is there is overwritten."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from shlex import quote

from pipeline.core.errors import UserError

TEMPLATES = Path(__file__).with_name("project")
KINDS = ("digits", "mnist", "table", "images", "model")
"""What a study can begin with; the first by default."""
IGNORED_IN_STUDY = ("/data/", "/results/", "/reports/*", "!/reports/metrics.json", "!/reports/looks.json")
IGNORED_IN_ROOT = ("/.runs/", "/mlruns/", "/mlartifacts/", "/mlflow.db*")
IGNORED_BY_DVC = (".runs", ".venv", "mlartifacts", "__pycache__")
SUGGESTED = "ablations"


def init(folder: Path, kind: str = KINDS[0]) -> list[str]:
    """Write params.yaml, dvc.yaml, entries of .gitignore and .dvcignore and a stub of data or code to `folder`.

    Initialises DVC where nothing around the folder has it. Returns what was done, and what comes next, in lines. Raises
    `UserError` where a file is there already.

    Example:
        >>> init(Path("ablations"), "table")
    """
    written = {"params.yaml": _text(f"{kind}.yaml"), "dvc.yaml": _text("stages.yaml"), **_stub(kind)}
    there = [name for name in written if (folder / name).exists()]
    if there:
        other = folder / SUGGESTED
        raise UserError(
            f"{folder / there[0]} exists already and is left as it is; a folder of its own would do: "
            f"keras-ablation init {quote(str(other))}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    root, done = _project(folder)
    if kind == "model":
        module = _module(folder, root)
        written["params.yaml"] = written["params.yaml"].replace(b"my_model:", f"{module}:".encode())
    for name, content in written.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "reports").mkdir(exist_ok=True)
    _add_lines(folder / ".gitignore", IGNORED_IN_STUDY)
    _add_lines(root / ".gitignore", IGNORED_IN_ROOT)
    _add_lines(root / ".dvcignore", IGNORED_BY_DVC)
    where = "" if folder.resolve() == Path.cwd().resolve() else f" {quote(str(folder / 'dvc.yaml'))}"
    without = "" if not where else f" --params {quote(str(folder / 'params.yaml'))}"
    return [
        f"wrote {', '.join(str(folder / name) for name in written if '/' not in name)}",
        *done,
        f"finished runs will be in {root / '.runs'}, of which git and DVC take no notice",
        f"next: `keras-ablation check{without}`, then `dvc repro{where}` (or, without DVC, `keras-ablation run{without}`)",
    ]


def _module(folder: Path, root: Path) -> str:
    """Return the name of the stub of a model as the study imports it, from the project's root.

    Raises `UserError` where the folder's name cannot be one of a Python package.
    """
    parts = folder.resolve().relative_to(root).parts
    if not all(part.isidentifier() for part in parts):
        raise UserError(
            f"{folder}: Python cannot import a model from a folder of this name; use letters, digits and _"
        )
    return ".".join([*parts, "my_model"])


def _text(name: str) -> bytes:
    return (TEMPLATES / name).read_bytes()


def _stub(kind: str) -> dict[str, bytes]:
    """Return the files that stand for a user's own data or code, by path."""
    if kind == "model":
        return {"my_model.py": _text("my_model.py")}
    if kind == "table":
        return {"table.csv": "\n".join(_rows()).encode()}
    return dict(_pictures()) if kind == "images" else {}


def _rows() -> Iterator[str]:
    """Yield the lines of a table in which one column says nothing."""
    yield "area,rooms,age,colour,price"
    for number in range(240):
        area, rooms, age = 40 + number * 37 % 120, 1 + number * 7 % 5, number * 13 % 60
        colour = ("red", "green", "blue")[number * 5 % 3]
        yield f"{area},{rooms},{age},{colour},{3 * area + 12 * rooms - age + number * 17 % 11}"


def _pictures() -> Iterator[tuple[str, bytes]]:
    """Yield small pictures of bars that lie or stand."""
    import io

    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    for number in range(60):
        picture = random.integers(0, 90, (12, 12), dtype=np.uint8)
        at = int(random.integers(1, 10))
        for name, place in (
            ("lying", (slice(at, at + 2), slice(None))),
            ("standing", (slice(None), slice(at, at + 2))),
        ):
            pixels = picture.copy()
            pixels[place] += 120
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, "PNG")
            yield f"images/{name}/{number:03}.png", buffer.getvalue()


def _project(folder: Path) -> tuple[Path, list[str]]:
    """Return the root of the project around a folder, with DVC initialised there, and what was done for that."""
    import subprocess

    around = [folder.resolve(), *folder.resolve().parents]
    root = next((parent for parent in around if (parent / ".dvc").is_dir()), None)
    if root is not None:
        return root, []
    repository = next((parent for parent in around if (parent / ".git").exists()), None)
    root = repository or Path.cwd().resolve()
    if not folder.resolve().is_relative_to(root):
        root = folder.resolve()
    options = [] if repository else ["--no-scm"]
    command = [sys.executable, "-P", "-m", "dvc", "init", "--quiet", *options]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)  # noqa: S603  DVC, as installed
    if done.returncode:
        raise UserError(f"`dvc init` failed in {root}: {(done.stderr or done.stdout).strip()}")
    return root, [f"initialised DVC in {root}{'' if repository else ', without git'}"]


def _add_lines(path: Path, lines: Iterable[str]) -> None:
    """Add lines to a file that lacks them."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    missing = [line for line in lines if line not in text.splitlines()]
    if missing:
        gap = "" if not text or text.endswith("\n") else "\n"
        path.write_text(f"{text}{gap}" + "\n".join(missing) + "\n", encoding="utf-8")
