"""
The file for the authorities: one escalated comment with all that was kept and done about it, so that it can be checked later.

Pure. A ZIP of plain files with their SHA-256 sums. The same facts give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from markupsafe import Markup

from meydan.text import render

CHECKING: Final = """\
How to check these files

1. Each file's SHA-256 sum stands in SHA256SUMS:  sha256sum -c SHA256SUMS
2. comment.txt holds the comment as it was sent, in UTF-8, nothing added and nothing left out.
3. The commitment in case.json was made when the comment was received. Two steps lead to it:
   the opening is SHA-256 over the ASCII text "meydan.opening.v1", one zero byte, and the 32 bytes of the salt (case.json has
   them as hexadecimal digits); the commitment is SHA-256 over the ASCII text "meydan.comment.v2", one zero byte, the 32
   bytes of the opening, and the bytes of comment.txt.
   A comment of before there were openings is committed to in one: SHA-256 over the ASCII text "meydan.comment.v1", one zero
   byte, the 32 bytes of the salt, and the bytes of comment.txt.
4. The files in leaves/ are the lines of the publication's register that concern this comment, as they were written: one for
   its receipt, one for each decision. Each names the commitment. They hold no words.
5. The sum of this whole file was written into the publication's journal when it was taken, with the name of who took it.

The salt is a secret of the comment's author. Whoever has it can ask for the comment's state and withdraw it. Treat it like
the words.
"""

_STYLE: Final = f"""\
body {{ max-width: 45rem; margin: 2rem auto; padding: 0 1rem; font-family: sans-serif; line-height: 1.5; background: #fff; color: #000; }}
table {{ border-collapse: collapse; }}
th, td {{ padding: .3rem .6rem; border: 1px solid; text-align: start; vertical-align: top; overflow-wrap: anywhere; }}
th {{ overflow-wrap: normal; }}
ol {{ margin: 0; padding-inline-start: 1.2rem; }}
{render.CSS}"""


@dataclass(frozen=True, slots=True)
class Dossier:
    """The file, what it is called, and its SHA-256 sum."""

    called: str
    body: bytes = field(repr=False)
    digest: str


def dossier_of(
    facts: Mapping[str, object], *, text: str, leaves: Mapping[int, bytes], called: str, at: datetime
) -> Dossier:
    """
    Put the file together.

    Args:
        facts: everything but the words, of JSON's own kinds; `name` and `email` are the reader's.
        text: the comment as sent.
        leaves: the register's lines about it, by number.
        called: what the file is to be called, without its ending.
        at: when it is taken; every file in it bears this time.
    """
    files: dict[str, bytes] = {
        "case.html": _page(facts, text).encode(),
        "case.json": (json.dumps(facts, ensure_ascii=False, indent=2) + "\n").encode(),
        "checking.txt": CHECKING.encode(),
        "comment.txt": text.encode(),
        **{f"leaves/{number}.json": body for number, body in sorted(leaves.items())},
    }
    sums = "".join(f"{hashlib.sha256(body).hexdigest()}  {name}\n" for name, body in files.items())
    files["SHA256SUMS"] = sums.encode()
    when = at.astimezone(UTC)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, body in files.items():
            entry = zipfile.ZipInfo(
                name, (when.year, when.month, when.day, when.hour, when.minute, when.second)
            )
            entry.compress_type, entry.create_system, entry.external_attr = (
                zipfile.ZIP_DEFLATED,
                3,
                0o600 << 16,
            )
            archive.writestr(entry, body)
    body = packed.getvalue()
    return Dossier(f"{called}.zip", body, hashlib.sha256(body).hexdigest())


def _page(facts: Mapping[str, object], text: str) -> str:
    """The same for reading: no script, nothing fetched."""
    rest = {name: value for name, value in facts.items() if name not in ("name", "email")}
    name, email = facts.get("name"), facts.get("email")
    return Markup(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>An escalated comment</title><style>{}</style></head><body><main>\n"
        "<h1>An escalated comment</h1>\n<h2>As it was sent</h2>\n{}\n<table>"
        '<tr><th scope="row">Name</th><td>{}</td></tr><tr><th scope="row">E-mail</th><td>{}</td></tr></table>\n'
        "<h2>What was kept and done</h2>\n{}\n</main></body></html>\n"
    ).format(
        Markup(_STYLE),  # noqa: S704 - our own rules, no reader's word in them
        render.comment(text),
        render.name(str(name)) if name is not None else "–",
        render.name(str(email)) if email is not None else "none was given",
        _told(rest),
    )


def _told(value: object) -> Markup:
    """Facts as tables within tables, each value escaped and isolated."""
    if isinstance(value, Mapping):
        rows = Markup("").join(
            Markup('<tr><th scope="row">{}</th><td>{}</td></tr>').format(
                str(name).replace("_", " "), _told(one)
            )
            for name, one in value.items()
        )
        return Markup("<table>{}</table>").format(rows)
    if isinstance(value, list | tuple):
        items = Markup("").join(Markup("<li>{}</li>").format(_told(one)) for one in value)
        return Markup("<ol>{}</ol>").format(items) if value else Markup("–")
    return Markup("–") if value in (None, "") else render.name(str(value))
