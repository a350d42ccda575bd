"""
Six stories, a front page, and what readers sent: the same every time.

The stories are package data, one TOML file each. Nothing here knows a web
framework: `pages` gives bytes by path, and whoever serves them sets the headers.
"""

from __future__ import annotations

import socket
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from meydan.comment import Status, Submission, Verdict
from meydan.desk import Visitor
from meydan.errors import AlreadyExists
from meydan.wiring import Meydan

MODERATOR = "demo"
"""The name under which the sample comments' human decisions are recorded."""

ASSETS = {
    "demo.css": "text/css; charset=utf-8",
    "demo.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}

EDITOR = "editor"
"""
Who sits at the sample desk.

Somebody else than MODERATOR, so that appeals against the sample decisions can be decided.
"""


@dataclass(frozen=True, slots=True)
class Words:
    """The newspaper's own words in one language; `direction` is "ltr" or "rtl"."""

    tag: str
    direction: str
    edition: str
    publisher: str
    editions: str
    skip: str
    by: str
    size: str
    larger: str
    smaller: str
    noscript: str
    comments: str
    notice: str


@dataclass(frozen=True, slots=True)
class SampleComment:
    """
    A comment to send, and what happens to it then.

    `then` is "machine" (the judge's word stands), "approve" or "reject" (a moderator
    decides, with `rules` and perhaps a `note`), or "answer" (it is the newspaper's own).
    `reply_to` names an earlier commenter; what is `picked` the editors choose.
    """

    name: str
    text: str
    then: str
    reply_to: str | None = None
    rules: tuple[str, ...] = ()
    note: str | None = None
    picked: bool = False


@dataclass(frozen=True, slots=True)
class SampleStory:
    """A story of the sample newspaper, as its file says it; closed to comments where it gives a reason for that."""

    slug: str
    language: str
    date: date
    date_in_words: str
    dateline: str
    kicker: str
    headline: str
    standfirst: str
    byline: str
    body: tuple[str, ...]
    comments: tuple[SampleComment, ...]
    question: str | None = None
    closed_reason: str | None = None

    @property
    def path(self) -> str:
        """Where the story is, from the root of the site."""
        return f"/stories/{self.slug}"

    @property
    def words(self) -> Words:
        """The newspaper's words in the story's language."""
        return WORDS[self.language]


WORDS: Mapping[str, Words] = {
    "en": Words(
        tag="en",
        direction="ltr",
        edition="English",
        publisher="The Square",
        editions="Stories by language",
        skip="Skip to the story",
        by="By",
        size="Text size",
        larger="Larger text",
        smaller="Smaller text",
        noscript="Read the comments and post one",
        comments="Comments:",
        notice="The Square is the sample newspaper that comes with Meydan. Its stories, people and places are invented.",
    ),
    "ckb": Words(
        tag="ckb",
        direction="rtl",
        edition="کوردی",
        publisher="گۆڕەپان",
        editions="بابەتەکان بەپێی زمان",
        skip="بڕۆ بۆ بابەتەکە",
        by="نووسینی",
        size="قەبارەی نووسین",
        larger="نووسینی گەورەتر",
        smaller="نووسینی بچووکتر",
        noscript="لێدوانەکان بخوێنەرەوە و لێدوانێک بنووسە",
        comments="لێدوانەکان:",
        notice="گۆڕەپان ڕۆژنامەیەکی نموونەییە و لەگەڵ میدان دێت. بابەت و کەسەکانی خەیاڵین.",
    ),
    "ar": Words(
        tag="ar",
        direction="rtl",
        edition="العربية",
        publisher="الميدان",
        editions="المواد بحسب اللغة",
        skip="انتقل إلى الموضوع",
        by="بقلم",
        size="حجم الخط",
        larger="تكبير الخط",
        smaller="تصغير الخط",
        noscript="اقرأ التعليقات واكتب تعليقك",
        comments="التعليقات:",
        notice="«الميدان» صحيفة نموذجية ترافق برنامج ميدان، وموادها وأشخاصها وأماكنها متخيَّلة.",
    ),
    "tr": Words(
        tag="tr",
        direction="ltr",
        edition="Türkçe",
        publisher="Meydan Gazetesi",
        editions="Dillere göre haberler",
        skip="Habere geç",
        by="Haber:",
        size="Yazı boyutu",
        larger="Yazıyı büyüt",
        smaller="Yazıyı küçült",
        noscript="Yorumları okuyun, yorum yazın",
        comments="Yorumlar:",
        notice="Meydan Gazetesi, Meydan ile gelen örnek gazetedir. Haberleri, kişileri ve yerleri kurmacadır.",
    ),
    "kmr-Latn": Words(
        tag="kmr-Latn",
        direction="ltr",
        edition="Kurmancî",
        publisher="Meydana Bajêr",
        editions="Nûçe li gorî zimanan",
        skip="Biçe nûçeyê",
        by="Nivîskar:",
        size="Mezinahiya nivîsê",
        larger="Nivîsê mezin bike",
        smaller="Nivîsê biçûk bike",
        noscript="Şîroveyan bixwîne û şîroveyekê binivîse",
        comments="Şîrove:",
        notice="Meydana Bajêr rojnameya nimûne ye ku bi Meydanê re tê. Nûçe, kes û cihên wê xeyalî ne.",
    ),
    "kmr-Arab": Words(
        tag="kmr-Arab",
        direction="rtl",
        edition="بادینی",
        publisher="مەیدانا باژێڕی",
        editions="نووچە ل دویڤ زمانان",
        skip="هەڕە نووچەیێ",
        by="نڤیسین:",
        size="قەبارێ نڤیسینێ",
        larger="نڤیسینێ مەزن بکە",
        smaller="نڤیسینێ بچویک بکە",
        noscript="کۆمێنتان بخوینە و کۆمێنتەکێ بنڤیسە",
        comments="کۆمێنت:",
        notice="مەیدانا باژێڕی ڕۆژنامەیەکا نموونەیە و د گەل مەیدانێ دهێت. نووچە و کەس و جهێن وێ خەیالینە.",
    ),
}


@cache
def load_stories() -> tuple[SampleStory, ...]:
    """The sample stories, in the order of the front page."""
    folder = resources.files("meydan.demo") / "stories"
    files = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda e: e.name
    )
    return tuple(_story(tomllib.loads(entry.read_text(encoding="utf-8"))) for entry in files)


def pages(public_url: str) -> dict[str, tuple[str, bytes]]:
    """
    The whole newspaper: path -> (content type, body).

    Args:
        public_url: the address readers use, without a trailing slash; each story's
            comments belong to this address and the story's path.
    """
    environment = Environment(
        loader=PackageLoader("meydan.demo"),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    stories = load_stories()
    html = "text/html; charset=utf-8"
    front = environment.get_template("front.html")
    story_page = environment.get_template("story.html")
    urls = {story.slug: address_of(story, public_url) for story in stories}
    site = {"/": (html, front.render(words=WORDS["en"], stories=stories, urls=urls, current="/").encode())}
    for story in stories:
        page = story_page.render(
            words=story.words,
            stories=stories,
            current=story.path,
            story=story,
            url=urls[story.slug],
        )
        site[story.path] = (html, page.encode())
    static = resources.files("meydan.demo") / "static"
    for name, content_type in ASSETS.items():
        site[f"/demo/{name}"] = (content_type, (static / name).read_bytes())
    return site


def seed(meydan: Meydan) -> int:
    """
    Register the sample stories and send the sample comments through the desk.

    A story that is registered already is left as it is, so that a second start on
    the same data folder adds nothing.

    Returns:
        How many comments were sent.
    """
    public_url = meydan.settings.own_url
    sent = 0
    for story in load_stories():
        url = address_of(story, public_url)
        if meydan.desk.page(url, limit=1).story is not None:
            continue
        meydan.desk.register_story(
            url,
            title=story.headline,
            text="\n\n".join((story.standfirst, *story.body)),
            language=story.language,
            own=(public_url,),
        )
        meydan.desk.change_story(url, {"question": story.question}, by=MODERATOR, own=(public_url,))
        ids: dict[str, str] = {}
        for comment in story.comments:
            ids[comment.name] = _send(meydan, story, url, public_url, comment, ids)
            sent += 1
            if comment.picked and _shown(meydan, ids[comment.name]):
                meydan.desk.pick(ids[comment.name], picked=True, by=MODERATOR)
        if story.closed_reason:
            # After its readers had their say.
            closed = {"open": False, "closed_reason": story.closed_reason}
            meydan.desk.change_story(url, closed, by=MODERATOR, own=(public_url,))
    return sent


def same_port(data: Path, free_port: Callable[[], int]) -> int:
    """
    The port that the newsroom in this folder had before, if it is free, else any free one.

    A story is known by its address: on another port the newspaper's stories would
    be others, and what readers have sent before would not be theirs.
    """
    kept = data / "demo-port"
    try:
        port = int(kept.read_text(encoding="ascii"))
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except (OSError, ValueError, OverflowError):
        port = free_port()
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept.write_text(str(port), encoding="ascii")
    return port


def desk_link(meydan: Meydan) -> str:
    """A one-time sign-in token for the sample newsroom's moderator, who is added the first time."""
    try:
        return meydan.staff.add_moderator(EDITOR, role="editor")
    except AlreadyExists:
        return meydan.staff.new_link(EDITOR)


def address_of(story: SampleStory, public_url: str) -> str:
    """The address by which Meydan knows the story."""
    return public_url.rstrip("/") + story.path


def _send(
    meydan: Meydan, story: SampleStory, url: str, own: str, comment: SampleComment, ids: Mapping[str, str]
) -> str:
    parent = _shown(meydan, ids.get(comment.reply_to or ""))
    if comment.then == "answer" and parent is not None:
        return meydan.desk.answer(parent, comment.text, by=MODERATOR).id
    outcome = meydan.desk.submit(
        Submission(
            story_url=url,
            name=comment.name,
            text=comment.text,
            parent=parent,
            language=story.language,
        ),
        # Everybody sends from somewhere else, so that nobody is too fast.
        Visitor(address_key=meydan.address_key(f"{story.slug}/{comment.name}"), own=(own,)),
    )
    if comment.then in ("approve", "reject"):
        meydan.desk.review(
            outcome.id, Verdict(comment.then), rules=comment.rules, note=comment.note, by=MODERATOR
        )
    return outcome.id


def _shown(meydan: Meydan, comment_id: str | None) -> str | None:
    """The comment to reply to; None where other guidelines than the shipped ones have not approved it."""
    if comment_id is None or meydan.desk.status(comment_id).status is not Status.APPROVED:
        return None
    return comment_id


def _story(document: dict[str, object]) -> SampleStory:
    comments = document.pop("comment")
    body = document.pop("body")
    assert isinstance(comments, list)
    assert isinstance(body, list)
    return SampleStory(
        **document,  # type: ignore[arg-type]
        body=tuple(body),
        comments=tuple(
            SampleComment(**{**comment, "rules": tuple(comment.get("rules", ()))}) for comment in comments
        ),
    )
