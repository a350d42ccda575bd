"""Stories and comments of every kind, with the words that formats go wrong on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import strategies as st

from meydan.exchange.record import CommentRecord, StoryRecord
from meydan.whole import (
    STATES,
    WholeAppeal,
    WholeComment,
    WholeDecision,
    WholeEvidence,
    WholeLook,
    WholeProof,
    WholeReason,
    WholeReport,
    WholeStory,
)

HOSTILE = (
    "Spas ji bo nivîsê.",
    "سوپاس بۆ ئەم هەواڵە، زۆر باشە.",
    "شكرا على المقال\u200f!",
    "Teşekkürler, İyi günler; ığüşöç",
    "هه‌ڤال، سوپاس",
    "]]>",
    "<![CDATA[x]]>",
    "&amp;&lt;br>&#13;&#x0;",
    "a\r\nb\rc\nd\t e ",
    "\n\n",
    " ",
    "<p>two &nbsp; <br/>lines</p>",
    "<br>",
    "\u0001\u0008\u000b\u001f\ufffe\uffff\ufffd",
    "\u0085\u2028\u2029\ufeff",
    '"},{"kind":"end"}',
    "🏳️‍🌈👩🏽‍🚒\U0010ffff",
    "=cmd|' /C calc'!A0",
    "\\u0000 \\n %s {x} ${y}",
    "-- <!-- <?xml ?> <!DOCTYPE x [<!ENTITY e 'x'>]> &e;",
)
"""What a writer or reader of some format has been known to change."""

texts = st.one_of(
    st.sampled_from(HOSTILE), st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30)
)
bodies = st.builds("".join, st.lists(texts, max_size=3))
names = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
filled = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)
ids = st.text("abcdefghij234567", min_size=1, max_size=24)
perhaps_text = st.none() | texts
emails = st.none() | st.sampled_from(
    ["dara@reader.example", "şîlan+x@reader.example", 'o"d&d<@reader.example']
)
times = st.datetimes(timezones=st.just(UTC)) | st.sampled_from(
    [
        datetime(2026, 11, 29, 1, 2, 3, 4, tzinfo=UTC),
        datetime(2026, 11, 29, 1, 2, 3, tzinfo=UTC),
        datetime(1, 1, 2, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ]
)
perhaps_time = st.none() | times
rules = st.lists(st.sampled_from(["abuse", "profanity", "promotion"]), max_size=2, unique=True).map(tuple)
languages = st.sampled_from(["en", "ar", "tr", "ckb", "kmr-Latn", "kmr-Arab", "fa", "und", "de"])
scores = st.sampled_from([0.0, 0.1, 0.25, 0.3333333333333333, 1.0, 5e-324])
formats = st.sampled_from(["text", "html", "markdown"])

stories = st.builds(
    WholeStory,
    url=ids.map("https://news.example/{}".format),
    title=perhaps_text,
    text=perhaps_text,
    language=st.none() | languages,
    open=st.booleans(),
    opens_at=perhaps_time,
    closes_at=perhaps_time,
    closed_reason=perhaps_text,
    mode=st.sampled_from([None, "off", "assisted"]),
    guests=st.sampled_from([None, "named", "verified", "off"]),
    question=perhaps_text,
)

reasons = st.builds(
    WholeReason,
    rule=st.sampled_from(["abuse", "profanity"]),
    ground=st.sampled_from([None, "racism"]),
    label=st.sampled_from([None, "racism"]),
    score=st.none() | scores,
)
decisions = st.builds(
    WholeDecision,
    seq=st.integers(1, 9),
    at=times,
    verdict=st.sampled_from(["approve", "reject"]),
    decided_by=st.sampled_from(["machine", "moderator", "import"]),
    by=names,
    reasons=st.lists(reasons, max_size=2).map(tuple),
    guidelines=st.sampled_from(["", "sha256:1"]),
    model=st.sampled_from(["", "sha256:2"]),
    calibration=st.none() | st.just("sha256:3"),
    note=perhaps_text,
)


def _json(value: Any) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value, ensure_ascii=False).encode())


evidence = st.builds(
    WholeEvidence,
    at=times,
    body=st.fixed_dictionaries({"language": languages, "scores": st.dictionaries(ids, st.none() | scores, max_size=3),
                                "findings": st.lists(texts, max_size=2)}).map(_json),
)  # fmt: skip
looks = st.builds(
    WholeLook,
    kind=st.sampled_from(["audit", "second"]),
    seq=st.integers(0, 3),
    drawn_at=times,
    verdict=st.sampled_from([None, "approve", "hold", "reject"]),
    rules=rules,
    answered_at=perhaps_time,
    answer=st.sampled_from([None, "approve", "reject"]),
    breached=rules,
    by=st.none() | names,
)
reports = st.builds(
    WholeReport,
    rule=st.just("abuse"),
    at=times,
    words=perhaps_text,
    closed_at=perhaps_time,
    seq=st.none() | st.integers(1, 3),
    upheld=st.none() | st.booleans(),
)
proofs = st.builds(
    WholeProof,
    salt=st.none() | st.just("00ff" * 8),
    commitment=st.just("ab" * 32),
    leaf=st.integers(0, 2**40),
)

comments = st.builds(
    WholeComment,
    id=ids,
    story=ids.map("https://news.example/{}".format),
    state=st.sampled_from(STATES),
    submitted_at=times,
    parent=st.none() | ids,
    name=st.none() | names,
    text=st.none() | bodies,
    text_format=formats,
    email=emails,
    author=st.none() | ids,
    language=languages,
    status=st.sampled_from(["held", "approved", "rejected"]),
    seq=st.integers(0, 9),
    holds=st.lists(st.sampled_from(["uncertain", "flood", "report"]), max_size=2).map(tuple),
    judged_at=perhaps_time,
    withdrawn_at=perhaps_time,
    erased_at=perhaps_time,
    escalated=st.booleans(),
    covered=st.booleans(),
    picked_at=perhaps_time,
    picked_by=st.none() | names,
    badge=st.sampled_from([None, "staff"]),
    written_by=st.none() | names,
    source=st.sampled_from([None, "disqus"]),
    source_key=st.none() | ids,
    decisions=st.lists(decisions, max_size=2).map(tuple),
    evidence=st.lists(evidence, max_size=2).map(tuple),
    appeals=st.lists(
        st.builds(WholeAppeal, seq=st.integers(1, 3), at=times, words=perhaps_text), max_size=2
    ).map(tuple),
    reports=st.lists(reports, max_size=2).map(tuple),
    looks=st.lists(looks, max_size=2).map(tuple),
    proof=st.none() | proofs,
)


@st.composite
def threads(
    draw: st.DrawFn, site: str = "https://news.example", times: st.SearchStrategy[datetime] = times
) -> list[StoryRecord | CommentRecord]:
    """Neutral records: stories, each followed by its comments, every one of which may reply to one before it."""
    taken: list[StoryRecord | CommentRecord] = []
    number = 0
    for index in range(draw(st.integers(1, 3))):
        url = f"{site}/{index}?a=1&b=<2>"
        title = draw(st.none() | filled)
        taken.append(StoryRecord(key=url, url=url, title=title, closed=draw(st.booleans())))
        before: list[str] = []
        deep = draw(st.booleans())
        for _ in range(draw(st.integers(0, 12 if deep else 4))):
            number += 1
            key = f"{draw(ids)}-{number}"
            parent = before[-1] if deep and before else draw(st.none() | st.sampled_from(before or [None]))
            state = draw(st.sampled_from(STATES))
            taken.append(
                CommentRecord(
                    key=key,
                    story=url,
                    name=draw(names),
                    body="" if state == "erased" else draw(bodies),
                    submitted_at=draw(times),
                    state=state,
                    parent=parent,
                    body_format=draw(formats),
                    email=draw(emails),
                    author_key=draw(st.none() | ids),
                    language=draw(st.none() | languages),
                    reason=draw(st.sampled_from([None, "spam", "AD"])),
                    rules=draw(rules),
                    decided_at=draw(st.none() | times),
                )
            )
            before.append(key)
    return taken
