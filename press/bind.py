"""
What turns docs/ into a site: mkdocs calls these functions while it builds.

Pages are read as CommonMark with tables, as the pages that show a repository read it, and not by mkdocs' own reader, which takes other
things for a list. So whoever writes a page sees the same in both. Raw HTML in a page is text.

A link may lead out of docs/, to a file of the repository: that file becomes a page of the site below `beside/`, and so does what it links to.
Decisions come into the navigation by their numbers, with a list of all.

A link or a heading that is not there is a warning, and with `--strict` the end of the build.
"""

from __future__ import annotations

import logging
import posixpath
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.toc import get_toc
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_by_name
from pygments.util import ClassNotFound

ROOT = Path(__file__).parent.parent
DOCS = "docs/"
DECISIONS = "docs/decisions"
LANGUAGES = {".service": "ini", ".json": "json", ".toml": "toml", ".php": "php"}
# What a page calls a language, and what colours it.
ALSO = {"caddy": "nginx", "tsx": "typescript"}
MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
log = logging.getLogger("mkdocs.hooks.bind")

# Of one build, by repository path: where it is in the site, what headings it has, where it leads.
_beside: dict[str, str] = {}
_headings: dict[str, set[str]] = {}
_leads: list[tuple[str, str, str]] = []
_read: dict[str, tuple[list[Token], list[dict[str, Any]]]] = {}


def on_config(config: Any) -> Any:
    """The decisions, after what is named in the navigation."""
    config.nav.append(
        {"Decisions": ["decisions/index.md", *(f"decisions/{path.name}" for path in _decisions())]}
    )
    return config


def on_files(files: Files, config: Any) -> Files:
    """Pages for what is not in docs/: the list of decisions, and each file of the repository that something links to."""
    for of_one_build in (_beside, _headings, _leads, _read):
        of_one_build.clear()
    files.append(File.generated(config, "decisions/index.md", content=_list_of_decisions()))
    found = [
        DOCS + file.src_uri for file in files.documentation_pages() if (ROOT / DOCS / file.src_uri).is_file()
    ]
    while found:
        for target in _files_linked_from(found.pop()):
            if not target.startswith(DOCS) and target not in _beside:
                _beside[target] = uri = f"beside/{target.removesuffix('.md')}.md"
                content = _page_of(target)
                files.append(
                    File.generated(config, uri, content=content, inclusion=InclusionLevel.NOT_IN_NAV)
                )
                found.append(target)
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Read the page; mkdocs is left the title alone."""
    path = _path_of(page.file.src_uri)
    if page.is_homepage:
        page.meta["hide"] = ["navigation", "toc"]
    tokens = MARKDOWN.parse(markdown)
    outline = _with_ids(tokens)
    _headings[path] = {heading["id"] for heading in outline}
    for link, attribute in _links(tokens):
        link.attrSet(attribute, _to(path, page.file, str(link.attrGet(attribute))))
    _read[path] = tokens, outline
    return f"# {outline[0]['name']}\n" if outline else ""


def on_page_content(html: str, *, page: Any, **_: Any) -> str:
    """The page itself, in the place of the title that mkdocs was left."""
    tokens, outline = _read.pop(_path_of(page.file.src_uri))
    page.toc = get_toc(_nested(outline))
    return str(Press(MARKDOWN).render(tokens, MARKDOWN.options, {}))


def on_env(env: Any, **_: Any) -> Any:
    """Every page is read: whether every link leads to something."""
    for path, target, heading in _leads:
        if target not in _headings:
            log.warning("%s links to %s, which is not there", path, target)
        elif heading and heading not in _headings[target]:
            log.warning("%s links to #%s of %s, which has no such heading", path, heading, target)
    return env


def on_post_page(output: str, **_: Any) -> str:
    """What the theme leaves without a name, for who hears the page."""
    search = 'data-md-component="search" role="dialog"'
    if search not in output:
        log.warning("The theme's search has changed: press/bind.py names it no more")
    return output.replace(search, f'{search} aria-label="Search"')


class Press(RendererHTML):
    """HTML for the theme: code in colour, tables that can be scrolled with the keyboard, no heading without words."""

    def fence(self, tokens: Sequence[Token], at: int, *_: Any) -> str:
        name = (tokens[at].info.split() or [""])[0]
        try:
            lexer = get_lexer_by_name(ALSO.get(name, name))
        except ClassNotFound:
            lexer = TextLexer()
        return highlight(tokens[at].content, lexer, HtmlFormatter(cssclass="highlight", wrapcode=True))

    def heading_close(self, tokens: Sequence[Token], at: int, *_: Any) -> str:
        opened, words = tokens[at - 2], tokens[at - 1]
        link = f'<a class="headerlink" href="#{opened.attrGet("id")}" aria-label="Link to “{_escaped(_words(words))}”">¶</a>'
        return f"{link if opened.tag != 'h1' else ''}</{tokens[at].tag}>\n"

    def table_open(self, tokens: Sequence[Token], at: int, *_: Any) -> str:
        # A table that names no column has no head.
        head = []
        for token in tokens[at:]:
            if token.type == "thead_close":
                break
            head.append(token)
        self._headless = not any(token.content for token in head if token.type == "inline")
        return '<div class="table" tabindex="0" role="group" aria-label="Table">\n<table class="ruled">\n'

    def table_close(self, *_: Any) -> str:
        return "</table>\n</div>\n"

    def thead_open(self, *_: Any) -> str:
        return "" if self._headless else "<thead>\n"

    def thead_close(self, *_: Any) -> str:
        return "" if self._headless else "</thead>\n"

    def tr_open(self, tokens: Sequence[Token], at: int, *_: Any) -> str:
        return "" if self._headless and tokens[at - 1].type == "thead_open" else "<tr>\n"

    def tr_close(self, tokens: Sequence[Token], at: int, *_: Any) -> str:
        return "" if self._headless and tokens[at + 1].type == "thead_close" else "</tr>\n"

    def th_open(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        if self._headless:
            return ""
        if not tokens[at + 1].content:
            return "<td>"
        return '<th scope="col"' + self.renderAttrs(tokens[at]) + ">"

    def th_close(self, tokens: Sequence[Token], at: int, *_: Any) -> str:
        if self._headless:
            return ""
        return "</td>\n" if not tokens[at - 1].content else "</th>\n"


def _decisions() -> list[Path]:
    return sorted((ROOT / DECISIONS).glob("[0-9]*.md"))


def _list_of_decisions() -> str:
    rows = []
    for path in _decisions():
        number, title = path.read_text(encoding="utf-8").split("\n", 1)[0].removeprefix("# ").split(". ", 1)
        rows.append(f"| {number} | [{title}]({path.name}) |")
    said = "Why Meydan is built so: each with what it costs, and the test that keeps it true."
    return f"# Decisions\n\n{said}\n\n| | |\n|--:|---|\n" + "\n".join(rows) + "\n"


def _path_of(uri: str) -> str:
    """Where a page of the site is in the repository."""
    return next((path for path, at in _beside.items() if at == uri), DOCS + uri)


def _resolved(path: str, link: str) -> str:
    """The path in the repository that a link on a page means; a folder of decisions means their list."""
    target = posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(link)))
    return f"{DECISIONS}/index.md" if target == DECISIONS else target


def _links(tokens: Sequence[Token]) -> Iterator[tuple[Token, str]]:
    for token in tokens:
        if token.type in ("link_open", "image"):
            yield token, "href" if token.type == "link_open" else "src"
        yield from _links(token.children or ())


def _files_linked_from(path: str) -> list[str]:
    if not path.endswith(".md"):
        return []
    found = []
    for token, attribute in _links(MARKDOWN.parse((ROOT / path).read_text(encoding="utf-8"))):
        parts = urlsplit(str(token.attrGet(attribute)))
        target = _resolved(path, parts.path)
        if not parts.scheme and parts.path and (ROOT / target).exists():
            found.append(target)
    return found


def _to(path: str, file: File, link: str) -> str:
    """A link of a page as it has to be in the site; where it leads is noted."""
    parts = urlsplit(link)
    if parts.scheme in ("http", "https", "mailto"):
        return link
    target = _resolved(path, parts.path) if parts.path else path
    uri = _beside.get(target, target.removeprefix(DOCS))
    if target.startswith(DOCS) and not target.endswith(".md"):
        # A picture: mkdocs copies it as it is.
        if not (ROOT / target).is_file():
            log.warning("%s shows %s, which is not there", path, target)
        at = uri
    else:
        _leads.append((path, target, parts.fragment))
        at = posixpath.join(posixpath.dirname(uri), _named(posixpath.basename(uri)))
    to = posixpath.relpath(at, posixpath.dirname(file.src_uri) or ".")
    return f"{to}#{parts.fragment}" if parts.fragment else to


def _named(page: str) -> str:
    name = page.removesuffix(".md")
    return "index.html" if name == "README" else f"{name}.html"


def _page_of(target: str) -> str:
    path = ROOT / target
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    inside = sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else [path]
    shown = [
        f"````{LANGUAGES.get(file.suffix, '')}\n{file.read_text(encoding='utf-8').rstrip()}\n````\n"
        for file in inside
    ]
    if not path.is_dir():
        return f"# `{target}`\n\n{shown[0]}"
    return f"# `{target}`\n\n" + "\n".join(
        f"## `{file.name}`\n\n{code}" for file, code in zip(inside, shown, strict=True)
    )


def _words(inline: Token) -> str:
    return "".join(child.content for child in inline.children or () if child.type in ("text", "code_inline"))


def _escaped(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def _with_ids(tokens: Sequence[Token]) -> list[dict[str, Any]]:
    """Give every heading the id that repositories give it; the headings, in their order."""
    outline: list[dict[str, Any]] = []
    seen: dict[str, int] = {}
    for token, words in pairwise(tokens):
        if token.type != "heading_open":
            continue
        name = _words(words)
        slug = re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-")
        times = seen[slug] = seen.get(slug, -1) + 1
        named = f"{slug}-{times}" if times else slug
        token.attrSet("id", named)
        outline.append(
            {"id": named, "name": name, "html": _escaped(name), "level": int(token.tag[1:]), "children": []}
        )
    return outline


def _nested(outline: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Headings as the theme wants them: each with those below it."""
    top: list[dict[str, Any]] = []
    above: list[dict[str, Any]] = []
    for heading in outline:
        while above and above[-1]["level"] >= heading["level"]:
            above.pop()
        (above[-1]["children"] if above else top).append(heading)
        above.append(heading)
    return top
