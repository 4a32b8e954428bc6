"""The pages in headless Chromium, opened from disk with the network cut."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Built

api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium is None, reason="no Chromium on the path (Debian: apt-get install chromium)"),
]
NAMES = [
    "index",
    "activations",
    "initializer_grid",
    "ladder",
    "what_matters",
    "head_start",
    "hostile",
    "lone",
]
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser() -> Iterator["api.Browser"]:
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield started
        started.close()


class Visit:
    """An open page, with everything it complained about or asked for."""

    def __init__(self, browser: "api.Browser", **options: object) -> None:
        self.context = browser.new_context(**{"offline": True, "viewport": DESK, **options})
        self.page = self.context.new_page()
        self.page.set_default_timeout(5000)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def open(self, path: Path) -> "api.Page":
        self.page.goto(path.as_uri())
        return self.page


@pytest.fixture
def visit(browser: "api.Browser") -> Iterator[Visit]:
    visit = Visit(browser)
    yield visit
    visit.context.close()


def column(page: "api.Page", number: int) -> list[str]:
    return page.locator(f"#ranking tbody tr:visible td:nth-child({number})").all_inner_texts()


@pytest.mark.parametrize("name", NAMES)
def test_opens_from_disk_without_a_complaint_or_a_request(built: Built, visit: Visit, name: str) -> None:
    path = built.reports / f"{name}.html"
    visit.open(path)
    assert visit.complaints == []
    assert visit.requests == [path.as_uri()]


@pytest.mark.parametrize("name", NAMES)
def test_a_phone_never_scrolls_sideways(built: Built, browser: "api.Browser", name: str) -> None:
    visit = Visit(browser, viewport=PHONE)
    page = visit.open(built.reports / f"{name}.html")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    visit.context.close()


def test_headings_sort_and_say_so(built: Built, visit: Visit) -> None:
    page = visit.open(built.reports / "activations.html")
    ranked = column(page, 2)
    ranking = page.locator("#ranking")
    heading = ranking.get_by_role("columnheader", name="test accuracy (%)")
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert column(page, 2) == ranked[::-1]
    heading.get_by_role("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    assert column(page, 2) == ranked
    ranking.get_by_role("columnheader", name="variant").get_by_role("button").click()
    assert column(page, 2) == sorted(ranked)


def test_a_phone_shows_differences_and_verdicts_at_once(built: Built, browser: "api.Browser") -> None:
    page = Visit(browser, viewport=PHONE).open(built.reports / "activations.html")
    shown = page.locator("#ranking th:visible").all_inner_texts()
    assert [" ".join(text.split()) for text in shown] == [
        "variant",
        "test accuracy (%)",
        "difference [interval]",
        "verdict",
    ]
    for verdict in page.locator("#ranking .verdict").all():
        box = verdict.bounding_box()
        assert box is not None and box["x"] + box["width"] <= PHONE["width"]


def test_on_paper_everything_is_open(built: Built, visit: Visit) -> None:
    page = visit.open(built.reports / "activations.html")
    closed = page.locator("details:not([open])").count()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert closed and page.locator("details:not([open])").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() == closed


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_short_words_in_tables_are_in_one_piece(
    built: Built, browser: "api.Browser", size: dict[str, int]
) -> None:
    visit = Visit(browser, viewport=size)
    page = visit.open(built.reports / "activations.html")
    table = page.get_by_role("region", name="How signals pass through the nets")
    cells = table.locator("td:nth-child(2) bdi")
    found = cells.evaluate_all("cells => cells.map(cell => [cell.innerText, cell.getClientRects().length])")
    assert {word for word, _ in found} == {"start", "trained"}
    assert [lines for _, lines in found] == [1] * len(found)
    visit.context.close()


def test_filter_keeps_rows_with_every_word(built: Built, visit: Visit) -> None:
    page = visit.open(built.reports / "activations.html")
    page.get_by_label("Filter").fill("ELU inconclusive")
    assert sorted(column(page, 2)) == ["elu", "leaky_relu", "prelu"]
    assert page.get_by_role("status").inner_text() == "3 of 10 shown"
    page.get_by_label("Filter").fill("")
    assert len(column(page, 2)) == 10


def test_the_index_tells_what_trained_and_what_moved(built: Built, visit: Visit) -> None:
    page = visit.open(built.reports / "index.html")
    change = page.get_by_role("region", name="Since the previous report", exact=True)
    assert (
        "2 runs trained" in page.locator("main > .note").inner_text()
    )  # above the verdicts; the table is below them
    rows = change.locator("tbody tr")
    moved = rows.filter(has=page.get_by_role("cell", name="activations", exact=True))
    assert (
        "gelu moved by +" in moved.inner_text()
        and "The verdict on gelu was inconclusive" in moved.inner_text()
    )
    page.get_by_role("link", name="By ablation", exact=True).click()
    assert rows.first.is_visible()


def test_a_page_tells_its_own_news_and_leads_to_mlflow(built: Built, visit: Visit) -> None:
    page = visit.open(built.reports / "activations.html")
    assert page.locator(".news li").first.inner_text().startswith("gelu moved by +")
    link = visit.open(built.reports / "ladder.html").get_by_role("link", name="Compare runs in MLflow")
    assert str(link.get_attribute("href")).endswith("/#/experiments/7/runs?compareRunsMode=CHART")


def test_phases_are_named_on_every_curve(built: Built, visit: Visit) -> None:
    page = visit.open(built.reports / "head_start.html")
    panels = page.locator("section[aria-labelledby=curves] figure svg")
    assert panels.count() == 5
    for number in range(5):
        assert panels.nth(number).get_by_text("head only", exact=True).is_visible()


def test_costs_have_figures_of_their_own(built: Built, visit: Visit) -> None:
    for name, cost in (("head_start", "parameters"), ("activations", "training time")):
        page = visit.open(built.reports / f"{name}.html")
        assert page.get_by_role("img", name=f"Test accuracy (%) by {cost}").is_visible()


def test_the_index_filters_its_cards(built: Built, visit: Visit) -> None:
    page = visit.open(built.reports / "index.html")
    page.get_by_label("Filter").fill("initializer suits")
    assert page.locator(".card:visible h3").all_inner_texts() == ["initializer_grid"]


def copied(page: "api.Page", button: str) -> list[str]:
    page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    page.get_by_role("button", name=button).click()
    page.get_by_text("Copied").wait_for()
    return str(page.evaluate("window.copied")).splitlines()


def test_copies_what_is_shown_as_markdown(built: Built, visit: Visit) -> None:
    page = visit.open(built.reports / "activations.html")
    page.get_by_label("Filter").fill("gelu")
    lines = copied(page, "Copy as Markdown")
    assert lines[0].startswith("| # | variant | test accuracy (%) |")
    assert lines[1].startswith("| ---: | --- | ---: |")
    assert len(lines) == 3
    assert lines[2].startswith("| 1 | gelu | ")


def test_copies_the_latex_and_the_recipe_that_it_shows(built: Built, visit: Visit) -> None:
    page = visit.open(built.reports / "activations.html")
    lines = copied(page, "Copy as LaTeX")
    assert lines[0] == "\\begin{table}" and lines == page.locator("#latex").text_content().splitlines()  # type: ignore[union-attr]
    page.get_by_text("The whole recipe of relu").click()
    page.evaluate("window.copied = null")
    page.get_by_role("button", name="Copy as YAML").click()
    page.wait_for_function("window.copied !== null")
    assert str(page.evaluate("window.copied")).startswith("base:\n")


def test_without_a_clipboard_copying_falls_back(built: Built, visit: Visit) -> None:
    page = visit.open(built.reports / "activations.html")
    page.evaluate("""() => {
      navigator.clipboard.writeText = async () => { throw new Error("denied"); };
      document.execCommand = () => { window.copied = document.activeElement.value; };
    }""")
    page.get_by_role("button", name="Copy as Markdown").click()
    page.get_by_text("Copied").wait_for()
    assert "gelu" in page.evaluate("window.copied")


def background(page: "api.Page") -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def test_follows_the_systems_theme_until_told_otherwise(built: Built, browser: "api.Browser") -> None:
    visit = Visit(browser, color_scheme="dark")
    page = visit.open(built.reports / "activations.html")
    dark = background(page)
    assert dark == "rgb(21, 24, 28)"
    page.get_by_role("button", name="Light theme").click()
    assert background(page) == "rgb(255, 255, 255)"
    page.reload()
    assert background(page) == "rgb(255, 255, 255)"
    visit.context.close()


@pytest.mark.parametrize("chosen", ["system", "reader"])
def test_paper_is_white_even_in_the_dark(built: Built, browser: "api.Browser", chosen: str) -> None:
    visit = Visit(browser, color_scheme="dark" if chosen == "system" else "light")
    page = visit.open(built.reports / "activations.html")
    if chosen == "reader":
        page.get_by_role("button", name="Dark theme").click()
    page.emulate_media(media="print")
    assert background(page) == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(0, 0, 0)"
    assert page.locator(".tools").first.is_hidden()
    assert page.locator(".legend").is_visible()
    visit.context.close()


def test_figures_follow_the_theme(built: Built, visit: Visit) -> None:
    page = visit.open(built.reports / "activations.html")
    label = "getComputedStyle(document.querySelector('figure svg text')).fill"
    light = page.evaluate(label)
    page.get_by_role("button", name="Dark theme").click()
    assert page.evaluate(label) != light


def test_the_legend_hides_a_variant_in_every_figure(built: Built, visit: Visit) -> None:
    page = visit.open(built.reports / "activations.html")
    key = page.locator(".legend button", has_text="gelu")
    series = key.get_attribute("data-series")
    assert page.locator(f'figure svg [data-series="{series}"]').count() > 8
    key.click()
    assert key.get_attribute("aria-pressed") == "false"
    assert page.locator(f'figure svg [data-series="{series}"]:not(.off)').count() == 0
    key.click()
    assert page.locator(f'figure svg [data-series="{series}"].off').count() == 0


def test_curves_of_many_variants_begin_with_baseline_best_and_worst(built: Built, visit: Visit) -> None:
    page = visit.open(built.reports / "activations.html")
    curves = page.locator("section[aria-labelledby=curves]")
    shown = curves.locator("svg [data-series]:visible")
    ranked = page.locator("#ranking tbody tr").evaluate_all("rows => rows.map((row) => row.dataset.series)")
    of = "marks => [...new Set(marks.map((mark) => mark.dataset.series))]"
    first = set(shown.evaluate_all(of))
    assert len(ranked) > 6 and {ranked[0], ranked[-1]} <= first and len(first) <= 3
    curves.get_by_role("button", name=f"Show all {len(ranked)} variants").click()
    assert set(shown.evaluate_all(of)) == set(ranked)


def test_figures_are_saved_with_plain_colours(built: Built, visit: Visit) -> None:
    page = visit.open(built.reports / "activations.html")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as SVG: Difference from relu").click()
    assert download.value.suggested_filename == "activations-forest.svg"
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert text.startswith("<svg")
    assert "var(--" not in text


def test_data_downloads_without_the_network(built: Built, visit: Visit) -> None:
    page = visit.open(built.reports / "activations.html")
    with page.expect_download() as download:
        page.get_by_role("link", name="activations.csv").click()
    assert Path(download.value.path()).read_bytes() == (built.reports / "activations.csv").read_bytes()


def test_a_page_works_without_scripts(built: Built, browser: "api.Browser") -> None:
    visit = Visit(browser, java_script_enabled=False)
    page = visit.open(built.reports / "activations.html")
    assert page.locator("#ranking tbody tr").count() == 10
    assert page.locator("figure svg").count() > 8
    assert page.locator("button:visible").count() == 0
    visit.context.close()


def test_everything_is_reached_by_keyboard(built: Built, browser: "api.Browser") -> None:
    visit = Visit(browser, viewport=PHONE)
    page = visit.open(built.reports / "activations.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator(".scroll", has=page.locator("#ranking")).focus()
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("Variants ranked")
    visit.context.close()


@pytest.mark.parametrize(
    ("name", "size", "scheme"),
    [
        ("index", DESK, "light"),
        ("index", PHONE, "dark"),
        ("activations", DESK, "light"),
        ("activations", PHONE, "dark"),
        ("hostile", DESK, "dark"),
        ("head_start", DESK, "light"),
    ],
)
def test_axe_finds_no_serious_fault(
    built: Built, browser: "api.Browser", name: str, size: dict[str, int], scheme: str
) -> None:
    axe = pytest.importorskip("axe_core_python", reason="axe-core-python is not installed")
    script = Path(axe.__file__).parent / "axe.min.js"
    visit = Visit(browser, viewport=size, color_scheme=scheme, bypass_csp=True)
    page = visit.open(built.reports / f"{name}.html")
    page.add_script_tag(content=script.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")
    assert len(found["passes"]) > 10
    faults = [
        f"{violation['id']}: {node['html'][:160]}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
    assert faults == []
    visit.context.close()
