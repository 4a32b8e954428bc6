"""The guide for coding agents is printed; what it shows is checked with the other documents."""

import pytest

from pipeline.cli.commands import GUIDE, main


def test_it_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["guide"]) == 0
    assert capsys.readouterr().out == GUIDE.read_text(encoding="utf-8")
