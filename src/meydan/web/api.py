"""
The JSON API, version 1, as /api/openapi.json describes it.

Handlers are plain functions, run in threads: the desk is synchronous. An answer
of 2xx to a submission means that it is kept.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from urllib.parse import unquote_to_bytes

import msgspec
from litestar import Request, Response, get, post, put
from litestar.concurrency import sync_to_thread
from litestar.connection import ASGIConnection
from litestar.datastructures import URL
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.params import FromPath, HeaderParameter, JSONBody, QueryParameter
from litestar.types import ASGIApp, Guard
from msgspec import Meta

import meydan
from meydan.comment import Comment, Submission, Verdict
from meydan.desk import Outcome, Visitor, answer_of
from meydan.errors import Malformed, MissingFields, NotText
from meydan.locale import accepted, interface_of
from meydan.policy import words as in_words
from meydan.staff import Staff
from meydan.text.exact import check_text, is_blank, is_exact
from meydan.web import access, reading
from meydan.web.doors import Doors
from meydan.web.embed import KeptAnswer
from meydan.web.errors import Problem
from meydan.web.follow import ask
from meydan.web.reading import Listing
from meydan.web.shelf import Made

AnyRequest = Request[Any, Any, Any]
STORY_BYTES = 1_048_576

StoryUrl = Annotated[str, QueryParameter(description="The story's address.", max_length=2000)]
Order = Annotated[Literal["oldest", "newest"], QueryParameter(description="Which comes first.")]
InOrder = Annotated[
    Literal["oldest", "newest", "replied"],
    QueryParameter(description="Which comes first; `replied`: those with the most replies."),
]
Cursor = Annotated[str | None, QueryParameter(description="`next` of the page before.", max_length=400)]
PageSize = Annotated[int, QueryParameter(ge=1, le=200, description="Comments on a page.")]
OnlyPicks = Annotated[
    bool, QueryParameter(description="Only what the editors chose, the newest first, all on one page.")
]
SendingKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        description="Names this sending: sent again with the same words within 48 hours, it is the same comment.",
        min_length=8,
        max_length=100,
        pattern=r"^[\x21-\x7e]+$",
    ),
]
Stories = Annotated[list[str], QueryParameter(description="Stories' addresses.", min_items=1, max_items=100)]


# -- what comes in -------------------------------------------------------------


class StoryRef(msgspec.Struct):
    """The story commented on. `title` is accepted and not believed."""

    url: str = ""
    title: str | None = None


class Sent(msgspec.Struct):
    """
    A reader's submission. `language` is what the page claims; `website` is a trap for robots and stays empty.

    `proof` is "" from who can make a proof of work, the proof once one was asked for, and null from who cannot.
    `follow`: whoever sends it wants to be told by e-mail what becomes of it; that address is asked first.
    """

    story: StoryRef = msgspec.field(default_factory=StoryRef)
    name: str | None = ""
    text: str | None = ""
    email: str | None = None
    parent: str | None = None
    language: str | None = None
    website: str = ""
    proof: str | None = None
    follow: bool = False


class Drafted(msgspec.Struct):
    """What a reader is about to send. Nothing is kept."""

    text: str | None = None
    language: str | None = None
    story: StoryRef | None = None


class StoryTold(msgspec.Struct):
    """What a judged text is about."""

    title: str | None = None
    text: str | None = None


class Asked(msgspec.Struct):
    """A text to judge. Nothing is kept."""

    text: str = ""
    story: StoryTold | None = None
    language: str | None = None
    explain: bool = False


class Registered(msgspec.Struct, forbid_unknown_fields=True):
    """
    A story as the newsroom tells it; what is left out stays as it is, null takes it away.

    `mode` "off" leaves every decision on the story to people. Comments are taken while it is `open`, from `opens_at` and
    until `closes_at`; `closed_reason` is told where they are not. `guests` says who may write without an account,
    `question` stands above the comments.
    """

    url: str = ""
    title: str | msgspec.UnsetType | None = msgspec.UNSET
    text: str | msgspec.UnsetType | None = msgspec.UNSET
    language: str | msgspec.UnsetType | None = msgspec.UNSET
    open: bool | msgspec.UnsetType = msgspec.UNSET
    closes_at: Annotated[datetime, Meta(tz=True)] | msgspec.UnsetType | None = msgspec.UNSET
    mode: Literal["off", "assisted"] | msgspec.UnsetType | None = msgspec.UNSET
    opens_at: Annotated[datetime, Meta(tz=True)] | msgspec.UnsetType | None = msgspec.UNSET
    closed_reason: str | msgspec.UnsetType | None = msgspec.UNSET
    guests: Literal["named", "verified", "off"] | msgspec.UnsetType | None = msgspec.UNSET
    question: str | msgspec.UnsetType | None = msgspec.UNSET


class Picked(msgspec.Struct, forbid_unknown_fields=True):
    """Whether the editors choose a comment, or take that back."""

    picked: bool | None = None


class Reported(msgspec.Struct):
    """A reader's report of a comment: the rule that it breaches, and a `note` for the people who decide."""

    rule: str | None = ""
    note: str | None = None


class Followed(msgspec.Struct):
    """A wish to be told by e-mail of a story's new comments, or of the replies to one `comment`."""

    story: StoryRef = msgspec.field(default_factory=StoryRef)
    email: str | None = ""
    comment: str | None = None
    language: str | None = None


class Verdicted(msgspec.Struct, forbid_unknown_fields=True):
    """A person's verdict. `seen` is the number of the decision it was made in view of, 0 for none."""

    verdict: Literal["approve", "reject"] | None = None
    rules: list[str] = []
    note: str | None = None
    seen: Annotated[int, Meta(ge=0, le=2_000_000_000)] | None = None


class Receipts(msgspec.Struct):
    """Receipts that an author holds."""

    receipts: Annotated[list[str], Meta(max_length=50)] | None = None


TAKEN: Final = frozenset(
    name
    for kind in (Sent, Drafted, Asked, Registered, Picked, Reported, Receipts, Followed, Verdicted)
    for name in kind.__struct_fields__
)
"""The names of all fields that some body of ours has: these alone are named where one is at fault."""


# -- what goes out -------------------------------------------------------------


class ReasonGiven(msgspec.Struct, omit_defaults=True):
    """A breached rule, in the words that readers are given. `ground` is set for abuse."""

    rule: str
    title: str
    text: str
    ground: str | None = None


class Submitted(msgspec.Struct):
    """What became of a submission. `receipt` is its author's only key to it."""

    id: str
    status: Literal["approved", "held", "rejected"]
    reasons: list[ReasonGiven]
    decided_by: Literal["machine", "moderator", "import"] | None
    status_url: str
    receipt: str


class Nudge(msgspec.Struct):
    """The rule that a draft may read as a breach of, in the reader's language."""

    rule: str
    title: str
    text: str


class Nudged(msgspec.Struct):
    """What is said of a draft: null where nothing is."""

    nudge: Nudge | None


class Standing(msgspec.Struct):
    """How an author's comment stands. `pass` is set once the address they gave was confirmed: it says who they are."""

    id: str
    status: Literal["approved", "held", "rejected"]
    reasons: list[ReasonGiven]
    decided_by: Literal["machine", "moderator", "import"] | None
    withdrawn: bool
    appealable: bool
    appealed: bool
    status_url: str
    pass_: str | None = msgspec.field(default=None, name="pass")


class Standings(msgspec.Struct):
    """In the order of the receipts; null for one that is forged, or whose comment is no more."""

    comments: list[Standing | None]


class ReportTaken(msgspec.Struct):
    """A report was received; whether it is the first is not told."""

    status: Literal["received"]


class FollowAsked(msgspec.Struct):
    """Whoever has the address is asked, unless they follow already or were asked before; which of these is not told."""

    status: Literal["confirm"]


class Counts(msgspec.Struct):
    """Approved comments by story, under the addresses as they were asked."""

    counts: dict[str, int]


class Stretch(msgspec.Struct):
    """Code points `begin` to `end` (not included) of the text as sent, and the label they weighed for."""

    label: str
    begin: int
    end: int


class Heavy(msgspec.Struct):
    """A stretch as in `spans`, and how much it weighed: 1 is the heaviest for its label."""

    label: str
    begin: int
    end: int
    weight: float


class Judged(msgspec.Struct):
    """The judge's answer. A score that was not measured is null, which is never zero; `why` only when asked."""

    verdict: Literal["approve", "hold", "reject"]
    reasons: list[ReasonGiven]
    holds: list[str]
    scores: dict[str, float | None]
    spans: list[Stretch]
    language: str
    model: str
    guidelines: str
    why: list[Heavy] | msgspec.UnsetType = msgspec.UNSET


class StoryKept(msgspec.Struct):
    """A story as it is registered now."""

    url: str
    title: str | None
    text: str | None
    language: str | None
    open: bool
    closes_at: datetime | None
    mode: str | None
    opens_at: datetime | None
    closed_reason: str | None
    guests: str | None
    question: str | None


class PickKept(msgspec.Struct):
    """Whether a comment is chosen by the editors now."""

    id: str
    picked: bool


class HeldShown(msgspec.Struct):
    """A comment that waits for a person. `seen` goes back with the verdict; `holds` says why it waits."""

    id: str
    story: str
    parent: str | None
    name: str | None
    text: str | None
    language: str
    submitted_at: datetime
    status: Literal["held", "approved", "rejected"]
    holds: list[str]
    seen: int


class Queue(msgspec.Struct):
    """One page of what waits."""

    comments: list[HeldShown]
    next: str | None


class Decided(msgspec.Struct):
    """A verdict as it was recorded."""

    id: str
    seq: int
    verdict: Literal["approve", "reject"]
    rules: list[str]
    decided_at: datetime
    by: str


def _refusals(*statuses: int) -> dict[int, ResponseSpec]:
    said = {
        400: "Not JSON, or of the wrong kind",
        401: "No valid token, session, account or pass",
        403: "Not allowed",
        404: "There is no such thing",
        409: "Somebody was first, or it is closed",
        413: "Too large",
        422: "Missing, too long, or not text",
        428: "Solve the challenge, and send it again with the proof",
        429: "Too fast; see Retry-After",
        503: "Try again; see Retry-After",
    }
    chosen = {*statuses, 400, 503}
    return {
        status: ResponseSpec(Problem, generate_examples=False, description=said[status])
        for status in sorted(chosen)
    }


class Submitting:
    """What is done with a submission, whichever way it came: the framework's, or the short one of web/sending."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._desk, self._own_url = doors.meydan.desk, doors.meydan.settings.own_url

    def __call__(self, request: AnyRequest, data: Sent, sending_key: str | None) -> Submitted:
        return self.told(request, data, self._desk.submit(*self.asked(request, data, sending_key)))

    def asked(self, request: AnyRequest, data: Sent, sending_key: str | None) -> tuple[Submission, Visitor]:
        """What was sent and by whom; refused where it comes too fast, or from a page that may not send. May ask the database."""
        doors = self._doors
        doors.origins.check_script(request)
        visitor = doors.sender(request)
        reader = doors.reader(request)
        # Of an account, what the form says is not asked.
        name, email = (reader.name, reader.email) if reader else (data.name, data.email)
        if not data.story.url:
            given = (("name", name), ("text", data.text))
            raise MissingFields(["story", *(field for field, value in given if is_blank(value or ""))])
        submission = Submission(
            story_url=data.story.url,
            name=name or "",
            text=data.text or "",
            email=email,
            parent=data.parent,
            language=data.language,
            suspicious=bool(data.website),
            reader=reader,
            proof=data.proof,
            sending_key=sending_key,
            follow=data.follow,
        )
        return submission, visitor

    def told(self, request: AnyRequest, data: Sent, outcome: Outcome) -> Submitted:
        """What its author is answered."""
        reasons: list[ReasonGiven] = []
        if outcome.reasons:
            given = reading.reasons_given(outcome, _language(request, data.language), self._desk.guidelines)
            reasons = msgspec.convert(given, list[ReasonGiven])
        return Submitted(
            id=outcome.id,
            status=outcome.status.value,
            reasons=reasons,
            decided_by=outcome.decided_by.value if outcome.decided_by else None,
            status_url=self._own_url + outcome.status_path,
            receipt=outcome.receipt or "",
        )


def routes(doors: Doors) -> list[HTTPRouteHandler]:
    """The API's routes, for the application to include."""
    desk, staff = doors.meydan.desk, doors.meydan.staff
    own_url = doors.meydan.settings.own_url
    submitted = Submitting(doors)

    @post(
        "/api/v1/comments",
        sync_to_thread=True,
        operation_id="submit",
        summary="Send a comment",
        tags=["readers"],
        security=[{}, {"account": []}],
        responses=_refusals(401, 403, 404, 409, 413, 422, 428, 429),
    )
    def submit(request: AnyRequest, data: JSONBody[Sent], sending_key: SendingKey = None) -> Submitted:
        if len(request.headers.getall("idempotency-key", [])) > 1:
            raise Malformed("Send one Idempotency-Key.", fields=("Idempotency-Key",))
        return submitted(request, data, sending_key)

    @get(
        "/api/v1/comments",
        operation_id="read",
        summary="Read a story's approved comments",
        tags=["readers"],
        responses={200: ResponseSpec(Listing, generate_examples=False, description="Approved comments")}
        | _refusals(403, 422),
    )
    async def read(
        request: AnyRequest,
        story: StoryUrl,
        sort: InOrder = "oldest",
        after: Cursor = None,
        limit: PageSize = 50,
        picks: OnlyPicks = False,
    ) -> ASGIApp:
        check_query(request)
        url = reading.our_story(story, desk.guidelines, doors.origins.own)

        def make() -> Made:
            if picks:
                return reading.listing(desk.picks(url), url)
            return reading.listing(desk.page(url, sort=sort, after=after or None, limit=limit), url)

        # What the editors chose is one page in one order, whatever else is asked for.
        part = ("picks",) if picks else (sort, after or "", str(limit))
        subject = ("api", url, *part)
        kept = await doors.shelf.fetch(subject, make)
        return KeptAnswer(kept, doors.shelf)

    @post(
        "/api/v1/receipts",
        sync_to_thread=True,
        status_code=200,
        operation_id="receipts",
        summary="Ask how one's own comments stand",
        tags=["readers"],
        responses=_refusals(403, 413, 422, 429),
    )
    def receipts(request: AnyRequest, data: JSONBody[Receipts]) -> Response[Standings]:
        doors.origins.check_script(request)
        doors.receipts_pace.check(doors.visitor(request).address_key)
        language = _language(request)

        def told(outcome: Outcome) -> Standing:
            given = reading.reasons_given(outcome, language, desk.guidelines)
            return Standing(
                id=outcome.id,
                status=outcome.status.value,
                reasons=msgspec.convert(given, list[ReasonGiven]),
                decided_by=outcome.decided_by.value if outcome.decided_by else None,
                withdrawn=outcome.withdrawn,
                appealable=outcome.appealable,
                appealed=outcome.appealed,
                status_url=own_url + outcome.status_path,
                pass_=desk.pass_for(outcome.id),
            )

        if data.receipts is None:
            raise MissingFields(["receipts"])
        found = desk.held_by(data.receipts)
        body = Standings([None if outcome is None else told(outcome) for outcome in found])
        return Response(body, headers={"cache-control": "no-store"})

    @post(
        "/api/v1/nudge",
        sync_to_thread=True,
        status_code=200,
        operation_id="nudge",
        summary="Look at a draft before it is sent",
        tags=["readers"],
        responses=_refusals(403, 413, 422, 429),
    )
    def nudge(request: AnyRequest, data: JSONBody[Drafted]) -> Response[Nudged]:
        doors.origins.check_script(request)
        doors.nudge_pace.check(doors.visitor(request).address_key)
        # Nothing is known of no story: leave it out.
        missing = {"story": data.story is not None and not data.story.url, "text": data.text is None}
        if any(missing.values()):
            raise MissingFields([field for field, is_missing in missing.items() if is_missing])
        rule = desk.nudge(
            data.text or "",
            story_url=data.story.url if data.story else None,
            language=data.language,
            own=doors.origins.own,
        )
        said = None
        if rule is not None:
            language = _language(request, data.language)
            told = desk.guidelines.rule(rule)
            said = Nudge(rule, in_words(told.title, language), in_words(told.text, language))
        return Response(Nudged(said), headers={"cache-control": "no-store"})

    @post(
        "/api/v1/comments/{comment_id:str}/reports",
        sync_to_thread=True,
        operation_id="report",
        summary="Report a comment",
        tags=["readers"],
        responses=_refusals(403, 404, 413, 422, 429),
    )
    def report(request: AnyRequest, comment_id: FromPath[str], data: JSONBody[Reported]) -> ReportTaken:
        doors.origins.check_script(request)
        visitor = doors.sender(request)
        desk.report(comment_id, rule=data.rule or "", words=data.note, visitor=visitor)
        return ReportTaken("received")

    @post(
        "/api/v1/follows",
        sync_to_thread=True,
        status_code=202,
        operation_id="follow",
        summary="Ask to be told by e-mail",
        tags=["readers"],
        responses=_refusals(403, 404, 413, 422, 429),
    )
    def follow(request: AnyRequest, data: JSONBody[Followed]) -> FollowAsked:
        doors.origins.check_script(request)
        doors.sender(request)
        language = _language(request, data.language)
        ask(
            doors,
            story=data.story.url,
            comment=data.comment or None,
            email=data.email or "",
            language=language,
        )
        return FollowAsked("confirm")

    @get(
        "/api/v1/counts",
        operation_id="count",
        summary="Count stories' approved comments",
        tags=["readers"],
        responses=_refusals(422),
    )
    async def count(
        request: AnyRequest,
        story: Stories,
    ) -> Response[Counts]:
        check_query(request)
        counts = await sync_to_thread(desk.counts, story)
        return Response(Counts(counts), headers={"cache-control": "public, max-age=1"})

    @post(
        "/api/v1/judge",
        sync_to_thread=True,
        status_code=200,
        operation_id="judge",
        summary="Judge a text without keeping it",
        tags=["newsroom"],
        security=[{"token": []}],
        guards=[_token_first(staff, "judge")],
        responses=_refusals(401, 403, 413, 422),
    )
    def judge(data: JSONBody[Asked]) -> Judged:
        story = data.story or StoryTold()
        evidence, decision = desk.check(
            data.text, story_title=story.title, story_text=story.text, language=data.language
        )
        why = desk.why(data.text, evidence) if data.explain else None
        return msgspec.convert(answer_of(evidence, decision, desk.guidelines, why), Judged)

    @put(
        "/api/v1/stories",
        sync_to_thread=True,
        operation_id="register",
        summary="Register a story, or change it",
        tags=["newsroom"],
        security=[{"token": []}],
        request_max_body_size=STORY_BYTES,
        guards=[_token_first(staff, "stories")],
        responses=_refusals(401, 403, 413, 422),
    )
    def register(request: AnyRequest, data: JSONBody[Registered]) -> StoryKept:
        if not data.url:
            raise MissingFields(["url"])
        told = {
            name: value for name, value in msgspec.structs.asdict(data).items() if value is not msgspec.UNSET
        }
        by = access.token_holder(request, staff, "stories")
        # What is left out stays: closing a story must not hand it to the machine.
        story = desk.change_story(told.pop("url"), told, by=by, own=doors.origins.own)
        return msgspec.convert(story, StoryKept, from_attributes=True)

    @post(
        "/api/v1/comments/{comment_id:str}/pick",
        sync_to_thread=True,
        status_code=200,
        operation_id="pick",
        summary="Choose a comment, or take that back",
        tags=["newsroom"],
        security=[{"token": []}, {"session": []}],
        responses=_refusals(401, 403, 404, 413, 422),
    )
    def pick(request: AnyRequest, comment_id: FromPath[str], data: JSONBody[Picked]) -> PickKept:
        by = access.decider(request, staff, changes=True, own=doors.origins.own)
        if data.picked is None:
            raise MissingFields(["picked"])
        desk.pick(comment_id, picked=data.picked, by=by)
        return PickKept(comment_id, data.picked)

    @get(
        "/api/v1/held",
        sync_to_thread=True,
        operation_id="held",
        summary="What waits for a person",
        tags=["newsroom"],
        security=[{"token": []}, {"session": []}],
        responses=_refusals(401, 403),
    )
    def held(
        request: AnyRequest,
        sort: Order = "oldest",
        after: Cursor = None,
        limit: PageSize = 50,
    ) -> Response[Queue]:
        access.decider(request, staff, changes=False)
        check_query(request)
        comments, following = desk.held(after=after or None, limit=limit, newest=sort == "newest")
        body = Queue([_held(comment) for comment in comments if not comment.escalated], following)
        return Response(body, headers={"cache-control": "no-store"})

    @post(
        "/api/v1/comments/{comment_id:str}/decisions",
        sync_to_thread=True,
        operation_id="decide",
        summary="Decide a comment",
        tags=["newsroom"],
        security=[{"token": []}, {"session": []}],
        responses=_refusals(401, 403, 404, 409, 413, 422),
    )
    def decide(request: AnyRequest, comment_id: FromPath[str], data: JSONBody[Verdicted]) -> Decided:
        by = access.decider(request, staff, changes=True, own=doors.origins.own)
        if data.verdict is None:
            raise MissingFields(["verdict"])
        settled = desk.review(
            comment_id, Verdict(data.verdict), by=by, rules=data.rules, note=data.note, seen=data.seen
        )
        return Decided(
            id=comment_id,
            seq=settled.seq,
            verdict=data.verdict,
            rules=[
                reason.rule if reason.ground is None else f"{reason.rule}:{reason.ground}"
                for reason in settled.decision.reasons
            ],
            decided_at=settled.decided_at,
            by=by,
        )

    return [submit, read, receipts, nudge, report, follow, count, judge, register, pick, held, decide]


class ApiRequest(Request[Any, Any, Any]):
    """A request whose JSON is read strictly: UTF-8, no NaN, and nothing that is not text in any string."""

    @property
    def url(self) -> URL:
        """
        The path alone, for what the framework says of a wrong request: in the Host header may stand anything, also a port
        that is none, and the framework would remember a query.
        """
        return URL.from_components(path=self.scope["path"])

    async def json(self) -> Any:
        """The body as JSON, as `read_json` reads it; Malformed where it was not sent as JSON."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            # Also keeps foreign pages out: they cannot send this type unasked (CORS).
            raise Malformed("Send JSON, as Content-Type: application/json.")
        return read_json(await self.body())


def read_json(body: bytes) -> Any:
    """
    What a body says.

    Raises:
        Malformed: not JSON, or with a name in it that is not text. NotText: a null byte or half of a character somewhere
        else in it, with the field of ours that holds it.
    """
    try:
        said = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
        if isinstance(said, dict):
            for name, value in said.items():
                _check_name(name)
                _check_text(value, name if name in TAKEN else None)
        else:
            _check_text(said, None)
    except (ValueError, RecursionError):
        raise Malformed("The body is not JSON, or is nested too deeply.") from None
    return said


def _token_first(staff: Staff, scope: str) -> Guard:
    """Refuse before the body is read: whoever has no token should cost nothing more than this."""

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        await sync_to_thread(access.token_holder, connection, staff, scope)

    return guard


def _language(request: AnyRequest, asked: str | None = None) -> str:
    """The interface's language to answer in: what is asked for, else what the browser prefers, else English."""
    return interface_of(asked) or accepted(request.headers.get("accept-language", "")) or "en"


def check_query(request: AnyRequest) -> None:
    """Malformed when the address's parameters are not UTF-8: what the framework puts in their place is not what was asked."""
    try:
        unquote_to_bytes(request.scope["query_string"]).decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("The address is not UTF-8.") from None


def openapi_config() -> OpenAPIConfig:
    """Where the description of the API is, and what it says beyond the routes."""
    return OpenAPIConfig(
        title="Meydan",
        version=meydan.__version__,
        description="Comments, approved or rejected, never edited.",
        path="/api",
        render_plugins=[_Described(path="/openapi.json", media_type="application/json")],  # type: ignore[arg-type]
        use_handler_docstrings=False,
    )


REQUIRED = {
    "Sent": ["story", "name", "text"],
    "StoryRef": ["url"],
    "Receipts": ["receipts"],
    "Drafted": ["text"],
    "Reported": ["rule"],
    "Followed": ["story", "email"],
    "Asked": ["text"],
    "Registered": ["url"],
    "Verdicted": ["verdict"],
    "Picked": ["picked"],
}
"""Fields without which a request is refused; the types give them defaults, so that every missing one is named."""


_STORY = {"url": "https://news.example/a-story"}
EXAMPLES: dict[str, dict[str, Any]] = {
    "Sent": {"story": _STORY, "name": "Rojin", "text": "Who paid for the bridge?"},
    "Receipts": {"receipts": ["mr2.eyJpZCI6IuKApiJ9"]},
    "Drafted": {"text": "Who paid for the bridge?", "story": _STORY, "language": "en"},
    "Reported": {"rule": "off-topic", "note": "This is about another bridge."},
    "Followed": {"story": _STORY, "email": "rojin@reader.example", "language": "en"},
    "Asked": {"text": "Who paid for the bridge?", "story": {"title": "A bridge opens"}, "explain": True},
    "Registered": {**_STORY, "title": "A bridge opens", "language": "en", "guests": "named"},
    "Verdicted": {"verdict": "reject", "rules": ["abuse:racism"], "seen": 0},
    "Picked": {"picked": True},
}
"""A body of each kind, as a program would send it."""


class _Described(JsonRenderPlugin):
    """The description, with what the framework cannot see: which fields are required, an example, and how one signs in."""

    def render(self, request: AnyRequest, openapi_schema: dict[str, Any]) -> bytes:
        schemas = openapi_schema["components"]["schemas"]
        for name, required in REQUIRED.items():
            schemas[name]["required"] = required
            for field in required:
                # Null is taken and answered as missing; it is not what anybody should send.
                told = schemas[name]["properties"][field]
                kinds = [kind for kind in told.pop("oneOf", ()) if kind.get("type") != "null"]
                told.update(*kinds)
            if name in EXAMPLES:
                schemas[name]["example"] = EXAMPLES[name]
        openapi_schema["components"]["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer"},
            "account": {
                "type": "http",
                "scheme": "bearer",
                "description": "A token of the publication's accounts, or a reader's pass; guests send none.",
            },
            "session": {"type": "apiKey", "in": "cookie", "name": access.SESSION_COOKIE},
        }
        return super().render(request, openapi_schema)


def _held(comment: Comment) -> HeldShown:
    return HeldShown(
        id=comment.id,
        story=comment.story_url,
        parent=comment.parent,
        name=comment.name,
        text=comment.text,
        language=comment.language,
        submitted_at=comment.submitted_at,
        status=comment.status.value,
        holds=[hold.value for hold in comment.holds],
        seen=comment.seq,
    )


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _check_text(value: Any, field: str | None) -> None:
    """Refuse what is not text anywhere in a value; `field` is the one of ours that it was sent as, None for any other."""
    if isinstance(value, str):
        if field is not None:
            check_text(field, value, STORY_BYTES)
        elif not is_exact(value):
            # What somebody else calls it is theirs, and is not said again.
            raise NotText("A field that is not known here has characters that are not text. Leave it out.")
    elif isinstance(value, dict):
        for name, inner in value.items():
            _check_name(name)
            _check_text(inner, field)
    elif isinstance(value, list):
        for inner in value:
            _check_text(inner, field)


def _check_name(name: str) -> None:
    if not is_exact(name):
        raise Malformed("A field's name has characters that are not text. Leave it out and send again.")
