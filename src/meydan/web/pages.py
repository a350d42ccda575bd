"""
Templates and static files, as package data.

One Jinja environment for readers and the desk: autoescape always on, and a
name that a template misspells is an error, never an empty string.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import lru_cache
from importlib import resources
from string import ascii_letters

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape

from meydan.locale import INTERFACE, words
from meydan.text import render

CONTENT_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "ts": "text/plain; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
}

IMPORTS = {"findings.js": ("verify.js",), "ledger.js": ("findings.js", "verify.js")}
"""Which scripts fetch which: by the address that may be kept for ever."""


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates under web/templates/."""
    made = Environment(
        loader=PackageLoader("meydan.web"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals["static"] = static_path
    return made


def template(name: str) -> Template:
    """A template by its path under web/templates/."""
    return environment().get_template(name)


@lru_cache(maxsize=64)
def static_bytes(name: str) -> bytes:
    """
    A static file as it is served; FileNotFoundError when there is none of that name.

    The stylesheets carry the rules that text/render.py asks for, and
    the component carries the thread's stylesheet, so that it is one request, and where the
    work for a flood is to be had. Of the component only what runs is sent.
    """
    folder = resources.files("meydan.web") / "static"
    if "/" in name or name.startswith("."):
        raise FileNotFoundError(name)
    body = (folder / name).read_bytes()
    if name in ("thread.css", "desk.css"):
        body += b"\n" + render.CSS.encode()
    if name == "embed.js":
        style = json.dumps(_squeezed(static_bytes("thread.css").decode()), ensure_ascii=False)
        again = json.dumps(
            {tag: words(tag)["load_again"] for tag in (*INTERFACE, "ku")},
            ensure_ascii=False,
            separators=(",", ":"),
        )
        body = _bare(body.decode()).encode()
        body = body.replace(b'"THREAD_CSS"', style.encode()).replace(b'"AGAIN_WORDS"', again.encode())
        body = body.replace(b"PROOF_PATH", static_path("proof.js").encode())
    if name in IMPORTS:
        for other in IMPORTS[name]:
            body = body.replace(f'"./{other}"'.encode(), f'"{static_path(other)}"'.encode())
    return body


@lru_cache(maxsize=64)
def static_digest(name: str) -> str:
    """The start of a static file's SHA-256: it is in the file's address, so the address may be kept for ever."""
    return hashlib.sha256(static_bytes(name)).hexdigest()[:16]


def static_path(name: str) -> str:
    """The address of a static file, from the root of the server."""
    return f"/static/{static_digest(name)}/{name}"


def _squeezed(css: str) -> str:
    """A stylesheet without its comments and what space it can do without."""
    pieces: list[str] = []
    for piece in css.split("/*"):
        pieces.append(piece.partition("*/")[2] if pieces else piece)
    style = " ".join("".join(pieces).split())
    return (
        re.sub(r"\s*([{};,>])\s*|(?<=:) ", r"\1", style)
        .replace(";}", "}")
        .replace(" 0.", " .")
        .replace(":0.", ":.")
    )


def _bare(script: str) -> str:
    """
    Our own script without its types, comments and the space it can do without; names that no page sees, private ones and
    those of constants, are short.

    Holds for how that script is written: every statement ends in a semicolon, and a comment
    has its line to itself. What stands in quotes stays as it is.
    """
    script = re.sub(r"/\*\*.*?\*/|(?m:^\s*//[^\n]*$)", "", script, flags=re.DOTALL)
    names = sorted(set(re.findall(r"this\.#(\w+)", script)))
    letters = [*ascii_letters, *(f"{one}1" for one in ascii_letters)]
    short = {name: f"#{letter}" for name, letter in zip(names, letters, strict=False)}
    script = re.sub(r"#(\w+)\b(?!-)", lambda found: short.get(found[1], found[0]), script)
    for number, name in enumerate(re.findall(r"^const ([A-Z_]+)\b", script, re.MULTILINE)):
        script = re.sub(rf"\b{name}\b", f"${number}", script)
    script = re.sub(_SPACE, lambda found: found["quoted"] or found["sign"] or "\n", script).strip()
    return re.sub(_LONGER, lambda found: found["quoted"] or found["only"] or SHORTER[found[0]], script)


# Of a pattern such as /\w{9,}/, the comma counts.
SHORTER = {"const": "let", ";}": "}", ",}": "}", ",)": ")"}
_LONGER = re.compile(
    r"""(?P<quoted>"[^"]*"|'[^']*'|`[^`]*`)|(?<!async)\((?P<only>\w+)\)(?==>)|\bconst\b|;}|(?<!\d),}|,\)"""
)


_SPACE = re.compile(r"""(?P<quoted>"[^"]*"|'[^']*'|`[^`]*`)|\s*(?P<sign>[{}()\[\];,:?=<>+*&|!])\s*|\n\s*""")


def static_names() -> list[str]:
    """The names of the static files."""
    folder = resources.files("meydan.web") / "static"
    return sorted(entry.name for entry in folder.iterdir() if entry.name.rsplit(".", 1)[-1] in CONTENT_TYPES)
