"""The exact versions that `make env` installs."""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]
LINES = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
PINNED = [Requirement(line) for line in LINES if line and not line.startswith("#")]


@pytest.mark.parametrize("pinned", PINNED, ids=lambda pinned: str(pinned.name))
def test_the_oldest_python_that_is_promised_can_install_it(pinned: Requirement) -> None:
    """`requires-python` says 3.11: a package that needs 3.11.5 fails on Debian's, in pip's resolver."""
    try:
        installed = distribution(pinned.name)
    except PackageNotFoundError:
        pytest.skip("not needed on this platform")
    assert installed.version in pinned.specifier, "make env"
    assert SpecifierSet(installed.metadata["Requires-Python"] or "").contains("3.11.0")
