"""The documents as a site that is read offline and searched: `make docs` builds it into docs/_site."""

import os
import re
import sys
from pathlib import Path
from urllib.parse import unquote

from sphinx.application import Sphinx

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # some modules whose signatures are shown import it
sys.path[:0] = [str(ROOT), str(DOCS)]

from reference import commands, keys  # noqa: E402

project = "Keras ablation pipeline"
author = "The authors of the Keras ablation pipeline"
html_title = project
html_theme = "furo"
html_copy_source = False
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_site", "examples", "jupyter_execute"]  # the last is what myst-nb leaves behind
myst_heading_anchors = 4
myst_links_external_new_tab = True
nb_execution_mode = "off"  # the tests execute them; pages show what they printed then
nb_merge_streams = True
autodoc_typehints = "description"
suppress_warnings = ["myst.header"]  # a page may begin a table's section below the level that Sphinx expects
pygments_style = "friendly"

MADE = DOCS / "_made"
ELSEWHERE = {
    ROOT / "CHANGELOG.md": MADE / "changes.md",
    ROOT / "CONTRIBUTING.md": MADE / "contributing.md",
    ROOT / "SECURITY.md": MADE / "security.md",
    ROOT / "README.md": DOCS / "index.md",
    ROOT / "pipeline" / "cli" / "guide.md": MADE / "guide.md",
    DOCS / "decisions": DOCS / "decisions" / "index.md",
}
"""Documents that lie outside this folder, and folders, with the page of the site that shows each."""
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")


def setup(app: Sphinx) -> None:
    """Write the pages that are made from the code, and turn links to files into links to pages."""
    app.connect("config-inited", lambda *_: _write_pages())
    app.connect("source-read", lambda _, name, source: _rewrite(source, DOCS / f"{name}.md"))


def _write_pages() -> None:
    MADE.mkdir(exist_ok=True)
    pages = {MADE / "keys.md": keys(), MADE / "commands.md": commands()}
    pages |= {
        page: _with_links_of_pages(document.read_text(encoding="utf-8"), document.parent)
        for document, page in ELSEWHERE.items()
        if page.parent == MADE
    }
    for page, text in pages.items():
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")


def _rewrite(source: list[str], page: Path) -> None:
    if page.exists():
        source[0] = _with_links_of_pages(source[0], page.parent)


def _with_links_of_pages(text: str, folder: Path) -> str:
    """Return a document's text with links to pages of the site; a link to another file becomes its text alone."""

    def link(match: re.Match[str]) -> str:
        picture, shown, target = match.groups()
        if "://" in target or target.startswith(("#", "/")):
            return match.group()
        file, hash_, section = unquote(target).partition("#")
        path = (folder / file).resolve()
        path = ELSEWHERE.get(path, path)
        if not path.is_relative_to(DOCS) or not (picture or path.suffix in (".md", ".ipynb")):
            return shown
        return f"{picture}[{shown}](/{path.relative_to(DOCS).as_posix()}{hash_}{section})"

    return LINK.sub(link, text)
