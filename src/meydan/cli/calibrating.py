"""`meydan calibrate`: from decided comments to thresholds that bound the machine's error."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meydan.cli.speech import (
    DatabaseOption,
    DataOption,
    GuidelinesOption,
    JsonOption,
    SettingsOption,
    console,
    errors,
    refusals,
    say,
    settings_of,
)
from meydan.comment import LANGUAGES
from meydan.settings import Settings

if TYPE_CHECKING:
    from meydan.evaluate.calibrate import Fitted, Reviewed, Side
    from meydan.evaluate.judged import Advance
    from meydan.judge.calibration import Calibration
    from meydan.judge.watch import Kept
    from meydan.policy import Guidelines


def calibrate(
    source: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            help="Decided or labelled comments, JSONL; repeatable. Your own decisions when left out.",
        ),
    ] = None,
    language: Annotated[
        list[str] | None,
        typer.Option("--language", help="Only this language; repeatable."),
    ] = None,
    suggestions: Annotated[
        bool,
        typer.Option(
            "--suggested", help="Count what other systems' moderators found too, as far as it came here."
        ),
    ] = False,
    status: Annotated[
        bool, typer.Option("--status", help="Only say what is in force, and how it is kept.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be, and change nothing.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write to this file, not into the data folder.")
    ] = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    guidelines: GuidelinesOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find, for each language, the scores between which people decide, so that the guidelines' bounds hold."""
    from meydan.evaluate.calibrate import calibration_of, fit
    from meydan.evaluate.decided import judged_of, load_known, own_of, suggested
    from meydan.judge import Calibrations, Judge
    from meydan.judge.calibration import in_force, load_if_there, save
    from meydan.policy import load as load_guidelines
    from meydan.wiring import guidelines_in_force, open_store

    with refusals(as_json=as_json):
        given = settings_of(settings, data=data, database=database, guidelines=guidelines)
        if status:
            _status(given, language or (), as_json=as_json)
            return
        rules = load_guidelines(guidelines) if guidelines else guidelines_in_force(given)
        judge = Judge.load()
        if source:
            rows = [row for file in source for row in load_known(file, rules)]
            if language:
                rows = [row for row in rows if row.language in ("", *language)]
            reviewed: dict[str, list[Reviewed]] = {}
        else:
            rows = []
        if not source or suggestions:
            store = open_store(given)
            try:
                if not source:
                    reviewed = own_of(store, judge, rules, languages=language or ())
                if suggestions:
                    rows += [
                        row for row in suggested(store, rules) if not language or row.language in language
                    ]
            finally:
                store.close()
        with _progress(len(rows), shown=not as_json and bool(rows)) as advance:
            for seen, some in judged_of(judge, rules, rows, advance=advance).items():
                reviewed.setdefault(seen, []).extend(some)
        now = datetime.now(UTC)
        present = in_force(given.calibration_file, judge.model)
        made: dict[str, Calibration] = {}
        told = []
        for tag in language or dict.fromkeys((*rules.publication.languages, *LANGUAGES)):
            if tag not in reviewed:
                continue
            fitted = fit(reviewed[tag], rules.automation)
            # What is known to hold is not given up for want of comments, only for what they show.
            known = present.of(tag) is not None
            if (fitted.complete or not known) and (fitted.any or known):
                made[tag] = calibration_of(
                    fitted,
                    tag,
                    rules,
                    model=judge.model,
                    source=_sources(source or (), suggestions=suggestions),
                    made_on=now.date(),
                )
            told.append(_answer(tag, fitted, made.get(tag)))
            if not as_json:
                console.print(_told(tag, fitted, rules, kept=tag in made), markup=False, soft_wrap=True)
        path = out or given.calibration_file
        written = bool(made) and not dry_run
        if written:
            _make_folder(path.parent)
            before = load_if_there(path)
            save(before.replaced_by(Calibrations(made)), path)
        answer = {"file": str(path) if written else None, "languages": told}
        say(answer, as_json=as_json, text=_ending(path, made, told, written=written))


def _sources(files: Collection[Path], *, suggestions: bool) -> str:
    """What a calibration rests on, as it says itself."""
    named = [file.name for file in files] or ["the newsroom's own decisions"]
    return ", ".join([*named, *(["what other systems' moderators found"] if suggestions else [])])


def _status(given: Settings, languages: Collection[str], *, as_json: bool) -> None:
    """What is in force in each language, how audits find it kept, and what the machine was withdrawn from."""
    from meydan.evaluate.decided import overturned_of
    from meydan.judge.calibration import APPROVALS, entry_of
    from meydan.wiring import build

    meydan = build(given, entering=False)
    try:
        promises = [each for each in meydan.desk.promises() if not languages or each.language in languages]
        waiting = meydan.desk.audits_count()
        overturned = overturned_of(meydan.store)
        withdrawals = {(one.language, one.rule, one.calibration): one for one in meydan.store.withdrawals()}
    finally:
        meydan.close()
    told, lines = [], [f"{_many(waiting, 'audit')} waiting"]
    for each in promises:
        entry = each.calibration
        reviews = {
            verdict.value: {"decisions": made, "overturned": turned}
            for (language, verdict), (made, turned) in sorted(overturned.items())
            if language == each.language
        }
        gone = [withdrawals[each.language, rule, entry.digest] for rule in sorted(each.withdrawn)]
        told.append(
            {
                "language": each.language,
                "digest": entry.digest,
                "calibration": entry_of(entry),
                "audits": [
                    {
                        "what": kept.what,
                        "bound": kept.bound,
                        "wrong": kept.seen.wrong,
                        "of": kept.seen.of,
                        "low": round(kept.seen.low, 6),
                        "high": round(kept.seen.high, 6),
                        "against": round(min(kept.against, 1e9), 3),
                    }
                    for kept in each.kept
                ],
                "reviews": reviews,
                "withdrawn": [
                    {"rule": one.rule, "wrong": one.wrong, "audits": one.audits, "at": one.at.isoformat()}
                    for one in gone
                ],
            }
        )
        made = (
            f"calibrated {entry.made_on or 'some day'} on {entry.source}" if entry.bounded else entry.source
        )
        lines.append(f"{each.language}: {made}")
        lines += [f"  {_kept(kept)}" for kept in each.kept]
        lines += [
            f"  {_many(counts['decisions'], 'decision')} to {verdict}, {counts['overturned']:,} overturned by people"
            for verdict, counts in reviews.items()
        ]
        lines += [
            f"  WITHDRAWN {one.at:%Y-%m-%d}: {'it approves nothing' if one.rule == APPROVALS else f'it rejects for {one.rule} no more'}"
            f" ({one.wrong} wrong of {one.audits}); a new calibration lifts it"
            for one in gone
        ]
    say({"waiting": waiting, "languages": told}, as_json=as_json, text="\n".join(lines))


def _kept(kept: Kept) -> str:
    from meydan.judge.calibration import APPROVALS
    from meydan.judge.watch import EVERY_RULE

    doing = {APPROVALS: "violations approved", EVERY_RULE: "acceptable comments rejected"}
    named = doing.get(kept.what, f"acceptable comments rejected for {kept.what}")
    if not kept.seen.of:
        return f"{named}: not audited yet; promised at most {_percent(kept.bound)}"
    return (
        f"{named}: {kept.seen.wrong:,} of {kept.seen.of:,} audited, {_percent(kept.seen.low)} to"
        f" {_percent(kept.seen.high)}; promised at most {_percent(kept.bound)}"
    )


def _answer(language: str, fitted: Fitted, made: Calibration | None) -> dict[str, Any]:
    def side(found: Side) -> dict[str, Any]:
        return {
            "from": found.threshold,
            "bound": found.bound,
            "wrong": found.seen.wrong,
            "of": found.seen.of,
            "low": round(found.seen.low, 6),
            "high": round(found.seen.high, 6),
            "missing": found.missing,
        }

    return {
        "language": language,
        "comments": fitted.comments,
        "confidence": fitted.confidence,
        "rejecting": side(fitted.rejecting),
        "approving": side(fitted.approving),
        "automated": round(fitted.automated, 6),
        "kept": made is not None,
        "calibration": made.digest if made else None,
    }


def _told(language: str, fitted: Fitted, rules: Guidelines, *, kept: bool) -> str:
    own = [rule for rule in rules.rules if rule.labels]
    hold_from, reject_from = fitted.approving.threshold, fitted.rejecting.threshold
    rejects, approves = f"rejects from {reject_from}", f"approves below {hold_from}"
    if reject_from is not None and all(rule.reject_from >= reject_from for rule in own):
        rejects = "rejects from the guidelines' own scores on"
    if hold_from is not None and all(rule.hold_from <= hold_from for rule in own):
        approves = "approves below the guidelines' own scores"
    acceptable, violations = fitted.rejecting.seen.of, fitted.approving.seen.of
    lines = [
        f"{language}: {_many(fitted.comments, 'comment')}, {acceptable:,} acceptable and {_many(violations, 'violation')}"
    ]
    lines.append("  " + _side(fitted.rejecting, rejects, "rejects nothing", "acceptable comment"))
    lines.append("  " + _side(fitted.approving, approves, "approves nothing", "violation"))
    lines.append(
        f"  decides {_percent(fitted.automated)} of these comments alone"
        f" (both bounds at {_percent(fitted.confidence)} confidence)"
    )
    if not kept:
        lines.append("  the calibration of this language stays as it is")
    return "\n".join(lines)


def _side(side: Side, doing: str, nothing: str, noun: str) -> str:
    seen = (
        f"{side.seen.wrong:,} of {_many(side.seen.of, noun)} wrongly, {_percent(side.seen.share)}"
        f" ({_percent(side.seen.low)} to {_percent(side.seen.high)}); promised at most {_percent(side.bound)}"
    )
    if side.threshold is not None:
        return f"{doing}: {seen}"
    if side.missing is None:
        return f"{nothing}: no number of comments can show that it never errs; promise more than 0"
    if side.missing:
        return (
            f"{nothing}: {_many(side.missing, 'more ' + noun)} with no error needed"
            f" to promise at most {_percent(side.bound)}"
        )
    if not side.seen.wrong:
        return f"{nothing}: no comment's scores are clear enough, or there are none in this language"
    return f"{nothing}: even with the strictest threshold {seen}"


def _ending(path: Path, made: dict[str, Calibration], told: list[Any], *, written: bool) -> str:
    if not told:
        return "No decided comments to calibrate on."
    if not made:
        return "Nothing was changed."
    tags = ", ".join(sorted(made))
    return (
        f"Written: {tags}, in {path}. A running server takes it up." if written else f"Would write: {tags}."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _make_folder(folder: Path) -> None:
    from meydan.errors import BadCalibration

    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise BadCalibration(f"The folder {folder} cannot be made: {error.strerror}.") from error


@contextlib.contextmanager
def _progress(total: int, *, shown: bool) -> Iterator[Advance]:
    """Comments judged so far, for who waits at a terminal."""
    from rich.progress import Progress

    with Progress(console=errors, transient=True, disable=not shown or not errors.is_terminal) as bar:
        task = bar.add_task("Judging", total=total)
        yield lambda count: bar.advance(task, count)
