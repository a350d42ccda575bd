"""
Templates and static files, as package data.

One Jinja environment for readers and the desk: autoescape always on, and a
name that a template misspells is an error, never an empty string.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape

from meydan.locale import INTERFACE, words
from meydan.text import render

CONTENT_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
}


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
    the component carries the thread's stylesheet, so that it is one request.
    """
    folder = resources.files("meydan.web") / "static"
    if "/" in name or name.startswith("."):
        raise FileNotFoundError(name)
    body = (folder / name).read_bytes()
    if name in ("thread.css", "desk.css"):
        body += b"\n" + render.CSS.encode()
    if name == "embed.js":
        style = json.dumps(_squeezed(static_bytes("thread.css").decode()), ensure_ascii=False)
        failed = json.dumps(
            {tag: [words(tag)["not_loaded"], words(tag)["try_again"]] for tag in (*INTERFACE, "ku")},
            ensure_ascii=False,
        )
        body = body.replace(b'"THREAD_CSS"', style.encode()).replace(b'"FAILED_WORDS"', failed.encode())
    return body


@lru_cache(maxsize=64)
def static_digest(name: str) -> str:
    """The start of a static file's SHA-256: it is in the file's address, so the address may be kept for ever."""
    return hashlib.sha256(static_bytes(name)).hexdigest()[:16]


def static_path(name: str) -> str:
    """The address of a static file, from the root of the server."""
    return f"/static/{static_digest(name)}/{name}"


def _squeezed(css: str) -> str:
    """A stylesheet without its comments and line breaks."""
    pieces: list[str] = []
    for piece in css.split("/*"):
        pieces.append(piece.partition("*/")[2] if pieces else piece)
    return " ".join("".join(pieces).split())


def static_names() -> list[str]:
    """The names of the static files."""
    folder = resources.files("meydan.web") / "static"
    return sorted(entry.name for entry in folder.iterdir() if entry.name.rsplit(".", 1)[-1] in CONTENT_TYPES)
