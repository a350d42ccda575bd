"""
`meydan check`: what the judge makes of a comment; no server, no database, nothing kept.

From standard input, one comment a line, as many lines out as in, in order. Lines are
judged in batches of what has arrived, so a pipe is fast and a person is answered at once.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from meydan.cli.speech import GuidelinesOption, JsonOption, SettingsOption, refusals, say, settings_of
from meydan.comment import Decision, Evidence, Verdict
from meydan.errors import MeydanError, NotText

if TYPE_CHECKING:
    from meydan.judge import Calibrations, Judge
    from meydan.judge.occlusion import Weighed
    from meydan.policy import Guidelines


class Tier(Enum):
    """Which of the shipped judges reads."""

    FULL = "full"
    FAST = "fast"


BATCH = 256
CHUNK_BYTES = 65_536


def check(
    text: Annotated[str, typer.Argument(help="A comment, or - to read standard input, one comment a line.")],
    language: Annotated[
        str | None, typer.Option("--language", help="The language the page claims; a hint only.")
    ] = None,
    guidelines: GuidelinesOption = None,
    settings: SettingsOption = None,
    explained: Annotated[
        bool, typer.Option("--explain", help="Say which words weighed for a high score; slower.")
    ] = False,
    tier: Annotated[
        Tier,
        typer.Option(
            "--tier",
            help="full: the judge that decides. fast: without the encoder, several times as fast, for triage of "
            "archives; English only, all else is held.",
        ),
    ] = Tier.FULL,
    as_json: JsonOption = False,
) -> None:
    """Judge one comment, or one a line; keeps nothing."""
    from meydan.judge import Judge, decide
    from meydan.judge.answer import answer_of
    from meydan.judge.calibration import in_force, uncalibrated
    from meydan.judge.judge import FAST_ALONE
    from meydan.policy import load
    from meydan.text.exact import check_words

    with refusals(as_json=as_json):
        given = settings_of(settings, guidelines=guidelines)
        # Not through wiring: judging needs no database, and its libraries take as long to load as the judge.
        judge, rules = Judge.load(tier=tier.value), load(given.guidelines)
        # No calibration was made with the fast tier alone.
        known = (
            uncalibrated(FAST_ALONE) if tier is Tier.FAST else in_force(given.calibration_file, judge.model)
        )
        if text == "-":
            for batch in _batches(sys.stdin.buffer):
                _answer_batch(
                    judge,
                    rules,
                    known,
                    batch,
                    language,
                    longest=given.longest_text,
                    explained=explained,
                    as_json=as_json,
                )
            return
        check_words(text, longest=given.longest_text)
        evidence = judge.evidence(text, language=language, expected=rules.publication.languages)
        decision = decide(evidence, rules, calibrations=known)
        why = judge.why(text, evidence, expected=rules.publication.languages) if explained else None
        answer = answer_of(evidence, decision, rules, why)
        say(answer, as_json=as_json, text=_told(evidence, decision, text, why))


def _answer_batch(
    judge: Judge,
    rules: Guidelines,
    known: Calibrations,
    lines: list[bytes],
    language: str | None,
    *,
    longest: int,
    explained: bool,
    as_json: bool,
) -> None:
    from meydan.judge import decide
    from meydan.judge.answer import answer_of
    from meydan.text.exact import check_words

    answers: list[dict[str, Any] | None] = []
    texts: list[str] = []
    for line in lines:
        try:
            text = line.decode("utf-8")
            check_words(text, longest=longest)
        except UnicodeDecodeError:
            answers.append(_refused(NotText("The line is not UTF-8 text.", fields=("text",))))
        except MeydanError as error:
            answers.append(_refused(error))
        else:
            answers.append(None)
            texts.append(text)
    expected = rules.publication.languages
    found = zip(texts, judge.evidence_of(texts, language=language, expected=expected), strict=True)
    out = []
    for answer in answers:
        if answer is not None:
            out.append(json.dumps(answer, ensure_ascii=False) if as_json else f"refused  {answer['code']}")
            continue
        text, evidence = next(found)
        decision = decide(evidence, rules, calibrations=known)
        why = judge.why(text, evidence, expected=expected) if explained else None
        out.append(
            json.dumps(answer_of(evidence, decision, rules, why), ensure_ascii=False)
            if as_json
            # One line out for one in, whatever the words that weighed hold.
            else "  ".join(
                [_line(decision), *(" ".join(s.split()) for s in _because(evidence, text, why or ()))]
            )
        )
    sys.stdout.write("\n".join(out) + "\n")
    sys.stdout.flush()


def _batches(stream: IO[bytes]) -> Iterator[list[bytes]]:
    """Lines without their ends, in batches of what has arrived; a last line needs no end."""
    rest = b""
    while chunk := stream.read1(CHUNK_BYTES):  # type: ignore[attr-defined]
        *lines, rest = (rest + chunk).split(b"\n")
        for begin in range(0, len(lines), BATCH):
            yield [line.removesuffix(b"\r") for line in lines[begin : begin + BATCH]]
    if rest:
        yield [rest.removesuffix(b"\r")]


def _refused(error: MeydanError) -> dict[str, Any]:
    return {"code": error.code, "message": error.message, "fields": list(error.fields)}


def _line(decision: Decision) -> str:
    why = [
        reason.rule if reason.ground is None else f"{reason.rule}:{reason.ground}"
        for reason in decision.reasons
    ]
    return "  ".join(
        [f"{decision.verdict.value:7}", ", ".join(why or [hold.value for hold in decision.holds])]
    ).rstrip()


def _because(evidence: Evidence, text: str, why: Sequence[Weighed]) -> list[str]:
    """A sentence for each label that was explained, with the words that weighed."""
    from meydan.judge import explain

    words: dict[str, list[str]] = {}
    for one in why:
        words.setdefault(one.label, []).append(text[one.begin : one.end])
    return [explain.because(label, evidence.scores[label], said) for label, said in words.items()]


def _told(evidence: Evidence, decision: Decision, text: str, why: Sequence[Weighed] | None) -> str:
    from meydan.judge import explain

    lines = [_line(decision)]
    if why:
        lines += [f"  {line}" for line in explain.marked(text, [(w.begin, w.end) for w in why]).split("\n")]
        lines += [f"  {said}" for said in _because(evidence, text, why)]
    known = {one.label for one in why or ()}
    if decision.verdict is Verdict.HOLD:
        lines += [f"  {explain.hold(hold)}" for hold in decision.holds]
    lines += [
        f"  {explain.score(label, score)}"
        for label, score in sorted(evidence.scores.items(), key=lambda item: -(item[1] or 0))
        if score is not None and score >= 0.1 and label not in known
    ]
    lines += [f"  {finding.detail}" for finding in evidence.findings]
    lines.append(f"  language: {evidence.language}")
    return "\n".join(lines)
