"""Pages from findings and charts, through Jinja2 templates that escape every text."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipeline.core.project import name_in_file
from pipeline.data.excerpt import Excerpt
from pipeline.report import across, index, paper, tables
from pipeline.report.across import Group
from pipeline.report.context import ReportContext
from pipeline.report.figures.across import across_chart
from pipeline.report.findings import Findings
from pipeline.report.history import Change
from pipeline.report.measure import margin_text
from pipeline.report.ranking import ranking
from pipeline.report.section import Section
from pipeline.report.styles import DARK, LIGHT, Styles

GENERATOR = "keras-ablation-pipeline report"
TEMPLATES = Path(__file__).parent / "templates"
KINDS = {".csv": "text/csv", ".json": "application/json", ".tex": "text/plain"}
MOST_ROWS = 50
"""Rows of a table that is open."""


@dataclass(frozen=True)
class Site:
    """What all pages share: ablation -> file stem, variant -> style, the context of the results, what changed, and the
    data sets that have an excerpt.
    """

    stems: Mapping[str, str]
    styles: Styles
    context: ReportContext
    change: Change | None = None
    excerpts: Mapping[str, Excerpt | None] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    """The file stems of ablations on several data sets."""
    trained: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    """When each ablation's runs were trained."""


def ablation_page(
    site: Site, findings: Findings, sections: Sequence[Section], files: Mapping[str, str]
) -> str:
    """Return the page of one ablation; `files` by ending are embedded as downloads."""
    ablation = findings.ablation
    names = list(site.stems)
    place = names.index(ablation.name)
    return _render(
        "ablation.html.j2",
        site,
        findings=findings,
        ablation=ablation,
        sections=sections,
        ranking=ranking(findings, site.styles),
        changes=tables.changes(ablation, site.styles),
        failures=tables.failures(ablation, site.styles),
        environment=tables.environment(ablation, site.trained.get(ablation.name, ())),
        recipe=paper.recipe_yaml(ablation.variant(ablation.baseline).recipe),
        methods=paper.methods(findings),
        latex=files[".tex"],
        downloads={
            f"{ablation.name}{ending}": _data_url(KINDS[ending], text) for ending, text in files.items()
        },
        group=site.groups.get(name_in_file(ablation.name)),
        previous=names[place - 1] if place else None,
        following=names[place + 1] if place + 1 < len(names) else None,
        training=tables.training(ablation),
        margin=margin_text(ablation),
        most_rows=MOST_ROWS,
        mlflow=mlflow_link(site.context, ablation.name),
        **_news(site, ablation.name),
    )


def with_news(page: str, site: Site, ablation: str) -> str:
    """Return an ablation's page as it was drawn before, with what is new now."""
    for part, text in _news(site, ablation).items():
        begin, end = _marks(part)
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = f"{before}{text}{after}"
    return page


def _news(site: Site, ablation: str) -> dict[str, Markup]:
    """Return the parts of a page that tell what changed since the previous report, between marks."""
    news = None if site.change is None else site.change.ablations[ablation]
    template = _environment().get_template("news.html.j2").make_module({"news_of_page": news})
    parts: dict[str, Markup] = {}
    for part in ("news", "effort"):
        begin, end = _marks(part)
        parts[part] = Markup(f"{begin}{getattr(template, part)()}{end}")  # noqa: S704  escaped by the template
    return parts


def _marks(part: str) -> tuple[str, str]:
    return f"<!-- {part} -->", f"<!-- end of {part} -->"


def across_page(site: Site, group: Group) -> str:
    """Return the page of an ablation on several data sets, of what follows across them."""
    return _render(
        "across.html.j2",
        site,
        group=group,
        table=across.table(group, site.styles),
        chart=across_chart(group, site.styles),
    )


def index_page(site: Site, study: Sequence[Findings], groups: Sequence[Group]) -> str:
    """Return the index: the study at a glance; `groups` are its ablations on several data sets."""
    return _render(
        "index.html.j2",
        site,
        groups=groups,
        cards=[index.card(findings, site.styles) for findings in study],
        boards=index.boards(study, site.styles),
        summary=index.summary(study),
        change=site.change,
        news=None if site.change is None else index.news(site.change),
        mlflow=mlflow_link(site.context, None),
    )


def mlflow_link(context: ReportContext, ablation: str | None) -> str | None:
    """Return a link to the MLflow page that compares the ablation's runs, or, while there is none, that searches for it.

    Without an `ablation` it leads to the list of them. None where MLflow's address is not a web address.
    """
    url = context.compare_urls.get(ablation, context.mlflow_url) if ablation else context.mlflow_url
    if url is None or not url.startswith(("http://", "https://")):
        return None
    if ablation in context.compare_urls:
        return url
    search = "" if ablation is None else f"?experimentSearchFilter={quote(ablation)}"
    return f"{url.rstrip('/')}/#/experiments{search}"


def _render(template: str, site: Site, **values: object) -> str:
    return _environment().get_template(template).render(site=site, **values) + "\n"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = (TEMPLATES / "page.js").read_text(encoding="utf-8")
    environment.globals |= {
        "css": Markup((TEMPLATES / "page.css").read_text(encoding="utf-8")),  # noqa: S704  our own file
        "script": Markup(script),  # noqa: S704  our own file
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "generator": GENERATOR,
        "palette_light": _palette(LIGHT),
        "palette_dark": _palette(DARK),
    }
    return environment


def _palette(colours: Sequence[str]) -> Markup:
    variables = (f"--s{number}:{colour};" for number, colour in enumerate(colours))
    return Markup("".join(variables))  # noqa: S704  constants of `styles`


def _data_url(kind: str, text: str) -> str:
    return f"data:{kind};charset=utf-8;base64,{base64.b64encode(text.encode()).decode()}"
