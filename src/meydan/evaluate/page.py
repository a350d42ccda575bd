"""
A report as one page of HTML: nothing is fetched, nothing runs, readers' words are escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

_STYLE: Final = """\
:root{color-scheme:light dark;--ink:#1b1d20;--soft:#5c636d;--paper:#fdfdfb;--line:#dcdfe3;--track:#eceef1;
--good:#2b6cb0;--good2:#2f855a;--rest:#b9c3cf;--bad:#b7410e}
@media (prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#a3abb5;--paper:#16181b;--line:#33383f;--track:#24282d;
--good:#63a4e6;--good2:#5fc08a;--rest:#4b5561;--bad:#ef8a54}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1rem;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.5rem;margin:.5rem 0}h2{font-size:1.2rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:1.2rem 0 .3rem}
p{max-width:44rem}.soft,figcaption{color:var(--soft);font-size:.9rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .6rem;border-bottom:1px solid var(--line);text-align:end;white-space:nowrap;vertical-align:top}
th:first-child,td:first-child{text-align:start}thead th{color:var(--soft);font-weight:600}
td.words{white-space:normal;text-align:start;min-width:16rem}
figure{margin:.5rem 0 1rem}svg{display:block;width:100%;height:auto}svg.wide{max-width:38rem}svg.square{max-width:24rem}
svg text{font:12px system-ui,sans-serif;fill:var(--ink)}svg .name{text-anchor:end}svg .middle{text-anchor:middle}
svg .track{fill:var(--track)}svg .right{fill:var(--good2)}svg .found{fill:var(--good)}svg .rest{fill:var(--rest)}
svg .grid{stroke:var(--line)}svg .ideal{stroke:var(--soft);stroke-dasharray:4 4}
svg .curve{fill:none;stroke:var(--good);stroke-width:2}svg .moved{stroke:var(--bad);stroke-width:3}
svg .after{fill:var(--good)}svg .before{fill:none;stroke:var(--ink);stroke-width:2}
details{margin:.4rem 0}summary{cursor:pointer;padding:.4rem 0;font-weight:600}
@media (max-width:30rem){body{padding:.75rem;font-size:15px}svg.wide text{font-size:13px}}
"""


def page(
    title: str, lead: str, sections: Sequence[str], *, facts: Sequence[tuple[str, str]] = (), style: str = ""
) -> str:
    """
    A whole page.

    Args:
        lead: what was measured, in a sentence or two; plain words.
        sections: HTML, made by the functions below.
        facts: what the figures rest on (model, commit, time), by name.
        style: further rules of style, after the page's own.
    """
    known = " · ".join(f"{escape(name)}: {escape(value)}" for name, value in facts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_STYLE}{style}</style></head><body><main>"
        f"<h1>{escape(title)}</h1><p>{escape(lead)}</p><p class=soft>{known}</p>"
        + "\n".join(sections)
        + "</main></body></html>\n"
    )


def section(title: str, *parts: str) -> str:
    """A part of the page with its heading; parts are HTML."""
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def paragraph(words: str) -> str:
    """A paragraph of plain words."""
    return f"<p>{escape(words)}</p>"


def figure(drawing: str, caption: str) -> str:
    """A drawing (SVG) with its caption (plain words)."""
    return f"<figure>{drawing}<figcaption>{escape(caption)}</figcaption></figure>"


def folded_away(title: str, *parts: str) -> str:
    """Something that opens on demand; parts are HTML."""
    return f"<details><summary>{escape(title)}</summary>{''.join(parts)}</details>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, words_from: int | None = None) -> str:
    """
    A table of plain words.

    Args:
        words_from: the first column that holds a reader's words: they wrap, and run in their own direction.
    """

    def cell(column: int, words: str) -> str:
        if words_from is not None and column >= words_from:
            return f'<td class="words" dir="auto">{escape(words)}</td>'
        return f"<td>{escape(words)}</td>"

    heads = "".join(f"<th scope=col>{escape(name)}</th>" for name in head)
    body = "".join(f"<tr>{''.join(cell(i, words) for i, words in enumerate(row))}</tr>" for row in rows)
    return f'<div class="scroll" tabindex=0><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'
