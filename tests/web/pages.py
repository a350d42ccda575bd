"""What a browser would make of a page: its comments' texts, its form's fields."""

from __future__ import annotations

import re
from html.parser import HTMLParser


class Read(HTMLParser):
    """
    A page, parsed.

    `texts` and `names` are what its comments say, `fields` the values of its form
    by name, `ids` every id, `text` all that can be read.
    """

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self.names: list[str] = []
        self.fields: dict[str, str] = {}
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self._into: list[str] | None = None
        self._closes = ""
        self._area = ""
        # What stands in a template is not shown.
        self.feed(re.sub(r"<template.*?</template>", "", page, flags=re.DOTALL))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        kinds = given.get("class", "").split()
        for kind, into in (("meydan-text", self.texts), ("meydan-name", self.names)):
            if kind in kinds:
                into.append("")
                self._into, self._closes = into, tag
        if tag == "input":
            self.fields[given.get("name", "")] = given.get("value", "")
        if tag == "textarea":
            self._area = given.get("name", "")
            self.fields[self._area] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == self._closes:
            self._into, self._closes = None, ""
        if tag == "textarea":
            # A parser drops the line break that opens a textarea.
            self.fields[self._area] = self.fields[self._area].removeprefix("\n")
            self._area = ""

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._into is not None:
            self._into[-1] += data
        if self._area:
            self.fields[self._area] += data
