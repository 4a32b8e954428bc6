import sys
from pathlib import Path

import pytest

from pipeline.core.errors import UserError
from pipeline.core.plugins import load_object, locate


def write(root: Path, name: str, text: str = "class Gated: pass\n") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_locates_without_importing(tmp_path: Path) -> None:
    path = write(tmp_path, "mine.py", "class Gated: pass\nraise RuntimeError('imported')\n")
    assert locate("mine:Gated", tmp_path) == path


def test_locates_in_packages_and_among_assigned_and_imported_names(tmp_path: Path) -> None:
    write(tmp_path, "deep/mine.py")
    assert locate("deep.mine:Gated", tmp_path).name == "mine.py"
    write(tmp_path, "whole/__init__.py", "from deep.mine import Gated as Other\nsize = 3\nwidth: int = 4\n")
    for name in ("Other", "size", "width"):
        assert locate(f"whole:{name}", tmp_path).name == "__init__.py"


@pytest.mark.parametrize(
    "spec",
    [
        "mine:",
        ":Gated",
        "mine:Gated:x",
        "../mine:Gated",
        "/etc/mine:Gated",
        "mine.:Gated",
        "mine:Ga ted",
        "mine:Gäted",
    ],
)
def test_refuses_what_is_not_module_and_name(tmp_path: Path, spec: str) -> None:
    write(tmp_path, "mine.py")
    with pytest.raises(UserError, match="not of the form module:Name"):
        locate(spec, tmp_path)


def test_refuses_modules_outside_the_project(tmp_path: Path) -> None:
    project = tmp_path / "project"
    write(tmp_path, "outside.py")
    project.mkdir()
    (project / "link.py").symlink_to(tmp_path / "outside.py")
    write(project, "venv/lib/mine.py")
    with pytest.raises(UserError, match="inside the project"):
        locate("link:Gated", project)
    with pytest.raises(UserError, match="inside the project"):
        locate("venv.lib.mine:Gated", project)
    with pytest.raises(UserError, match=r"there is no os\.py in the project"):
        locate("os:system", project)


def test_names_the_nearest_and_says_what_is_not_python(tmp_path: Path) -> None:
    write(tmp_path, "mine.py")
    with pytest.raises(UserError, match=r"no top-level 'Gatd'.* Did you mean 'Gated'"):
        locate("mine:Gatd", tmp_path)
    write(tmp_path, "broken.py", "class (:\n")
    with pytest.raises(UserError, match=r"broken\.py is not Python"):
        locate("broken:Gated", tmp_path)


def test_imports_from_the_project_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    write(tmp_path, "mine_only_here.py", "class Gated:\n    width = 3\n")
    write(tmp_path, "json.py")
    write(tmp_path, "fails_at_import.py", "class Gated: pass\n1 / 0\n")
    loaded = load_object("mine_only_here:Gated", tmp_path)
    assert getattr(loaded, "width", None) == 3
    with pytest.raises(UserError, match="another module is already named 'json'"):
        load_object("json:Gated", tmp_path)
    with pytest.raises(UserError, match="failed with ZeroDivisionError"):
        load_object("fails_at_import:Gated", tmp_path)


def test_a_package_that_reaches_outside_is_refused(tmp_path: Path) -> None:
    """Importing `deep.mine` runs `deep/__init__.py` first."""
    project = tmp_path / "project"
    write(project, "deep/mine.py")
    write(tmp_path, "outside.py")
    (project / "deep" / "__init__.py").symlink_to(tmp_path / "outside.py")
    with pytest.raises(UserError, match="inside the project"):
        locate("deep.mine:Gated", project)
    (project / "whole").symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(UserError, match="inside the project"):
        locate("whole.outside:Gated", project)
