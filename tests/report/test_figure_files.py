"""Figures as files for a paper: plain colours, a legend, equal bytes."""

import re
from pathlib import Path

import pytest
from markupsafe import escape

from pipeline.report.figures.chart import Chart
from pipeline.report.figures.files import FORMATS, light_theme, save
from pipeline.report.figures.forest import forest
from pipeline.report.findings import find
from pipeline.report.sections import page_sections
from pipeline.report.styles import LIGHT, assign
from pipeline.stages.report import write_figures
from pipeline.store import Store

from .conftest import Built


class Saved:
    """The charts of a page, each saved as SVG, and its variants by the index of their style."""

    def __init__(self, built: Built, folder: Path) -> None:
        ablation = built.ablation("activations")
        styles = assign([ablation])
        sections = page_sections(find(ablation), styles)
        self.charts = [chart for section in sections for chart in section.shown_charts if chart.figure]
        self.names = {styles[variant.name].index: variant.name for variant in ablation.variants}
        self.texts = {chart.key: self._text(chart, folder) for chart in self.charts}

    def _text(self, chart: Chart, folder: Path) -> str:
        save(chart, folder / f"{chart.key}.svg", self.names)
        return (folder / f"{chart.key}.svg").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def saved(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    return Saved(built, tmp_path_factory.mktemp("figures"))


def test_every_figure_has_plain_colours(saved: Saved) -> None:
    for chart in saved.charts:
        text = saved.texts[chart.key]
        assert not re.search(r"#0[ab]00|var\(--", text), chart.key
        assert f">{escape(chart.title)}<" in text
        if "data-series" in chart.svg:
            assert any(colour in text for colour in LIGHT), chart.key


def test_every_variant_that_is_drawn_is_named(saved: Saved) -> None:
    for chart in saved.charts:
        words = re.findall(r"<text[^>]*>([^<]*)</text>", saved.texts[chart.key])
        for series in set(re.findall(r'data-series="(\d+)"', chart.svg)):
            assert any(saved.names[int(series)] in text for text in words), chart.key
        if chart.key == "curve-loss":
            assert [text for text in words if text in saved.names.values()] == list(saved.names.values())


@pytest.mark.parametrize("ending", FORMATS)
def test_equal_charts_give_equal_files(built: Built, tmp_path: Path, ending: str) -> None:
    findings, written = find(built.ablation("activations")), []
    for _ in range(2):
        chart = forest(findings, assign([findings.ablation]))
        assert chart is not None
        save(chart, tmp_path / f"figure.{ending}", {})
        written.append((tmp_path / f"figure.{ending}").read_bytes())
    assert written[0] == written[1]
    if ending == "pdf":
        assert written[0].startswith(b"%PDF")
        assert b"/Type0" in written[0] and b"/Type3" not in written[0], "publishers refuse Type 3"


def test_a_sheet_of_pictures_has_no_figure(tmp_path: Path) -> None:
    sheet = Chart("sheet", "Errors", "", "", "", 10)
    with pytest.raises(ValueError, match="sheet"):
        save(sheet, tmp_path / "sheet.pdf", {})


def test_the_light_theme_is_that_of_the_pages() -> None:
    theme = light_theme()
    assert (
        theme["--paper"] == "#ffffff" and {"--ink", "--muted", "--line", "--band", "--wrong"} <= theme.keys()
    )


def test_they_are_written_for_the_ablations_named(built: Built, tmp_path: Path) -> None:
    store, folder = Store(tmp_path / ".runs"), tmp_path / "for paper"
    written = write_figures(built.names, ["ladder"], store, built.results.parent, folder, "pdf")
    assert written == sorted(written, key=written.index) and set(written) == set(folder.iterdir())
    assert folder / "ladder-forest.pdf" in written
    assert all(path.name.startswith("ladder-") for path in written)
