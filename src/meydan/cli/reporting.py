"""`meydan report`: what came and what became of it, for readers (HTML), for tables (CSV) and for programs (JSON)."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meydan.cli.speech import (
    DatabaseOption,
    DataOption,
    JsonOption,
    SettingsOption,
    refusals,
    say,
    settings_of,
)
from meydan.errors import BadSpan

if TYPE_CHECKING:
    from meydan.settings import Settings
    from meydan.transparency.recount import Span
    from meydan.transparency.report import Report


def report(
    begin: Annotated[str, typer.Option("--from", help="The first day, as 2026-11-01 (UTC).")],
    end: Annotated[str, typer.Option("--to", help="The first day after the span, as 2026-12-01 (UTC).")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The page, in HTML.")] = None,
    table: Annotated[Path | None, typer.Option("--csv", help="The same counts as a table.")] = None,
    language: Annotated[
        str | None,
        typer.Option("--language", help="The page's language; the publication's first when left out."),
    ] = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count what was sent, decided and undone in some days, from the ledger and the store; no reader's words."""
    with refusals(as_json=as_json):
        from meydan.keeping import check_free, whole_file, writing
        from meydan.transparency.recount import Span
        from meydan.transparency.report import as_csv, told

        span = Span(_midnight("from", begin), _midnight("to", end))
        given = settings_of(settings, data=data, database=database)
        files = [path for path in (out, table) if path is not None]
        for path in files:
            check_free(path, "report")
        made, page = _made(given, span, language)
        with contextlib.ExitStack() as kept:
            # Both, or none: where one cannot be written, the other is not kept either.
            for file, content in ((table, as_csv(made)), (out, page)):
                if file is not None:
                    opened = kept.enter_context(whole_file(file, "report"))
                    with writing(file, "report"):
                        opened.write(content.encode("utf-8"))
        say(told(made), as_json=as_json, text=_sentence(made, files))


def _made(given: Settings, span: Span, language: str | None) -> tuple[Report, str]:
    from meydan.policy import words
    from meydan.store.counting import counted
    from meydan.transparency.report import bounds_of, report_of
    from meydan.transparency.report_page import report_page
    from meydan.wiring import build

    # Asked first: a place without a database is told, and nothing is made there.
    now = datetime.now(UTC)
    if span.since > now:
        raise BadSpan("The span has not begun yet.", fields=("from",))
    made = counted(
        given.database_url,
        lambda counting: report_of(counting, span, publication="", made_at=now),
        replica=given.replica,
    )
    meydan = build(given, entering=False)
    try:
        guidelines = meydan.desk.guidelines
        bounds = bounds_of(meydan.desk.promises(), confidence=guidelines.automation.confidence)
    finally:
        meydan.close()
    made = replace(made, publication=guidelines.publication.name, bounds=bounds)
    spoken = language or guidelines.publication.languages[0]

    def title_of(rule: str) -> str:
        try:
            return words(guidelines.rule(rule).title, spoken)
        except KeyError:
            # Taken out of the guidelines since.
            return rule

    return made, report_page(made, language=spoken, digits=guidelines.publication.digits, title_of=title_of)


def _midnight(option: str, written: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(written), time.min, UTC)
    except ValueError:
        raise BadSpan(f"--{option} is a day, such as 2026-11-01.", fields=(option,)) from None


def _sentence(made: Report, files: list[Path]) -> str:
    from meydan.transparency.recount import IMPORT, MACHINE, MODERATOR, TOTAL

    total = made.ledger[TOTAL]

    def decided(kind: str) -> str:
        said = [(MACHINE, "by the machine"), (MODERATOR, "by people")]
        if any(total.get(f"{one}.{IMPORT}") for one in ("approved", "rejected")):
            said.append((IMPORT, "elsewhere"))
        return f"  {kind}: " + ", ".join(f"{total.get(f'{kind}.{who}', 0)} {words}" for who, words in said)

    lines = [
        f"From {made.span.since:%Y-%m-%d} to before {made.span.until:%Y-%m-%d} (UTC):",
        f"  sent {total.get('sent', 0)}, waiting at the end {total.get('waiting', 0)}",
        decided("approved"),
        decided("rejected"),
        f"  withdrawn {total.get('withdrawn', 0)}, erased {total.get('erased', 0)}",
        f"The store and the {made.leaves} leaves of the ledger say the same.",
    ]
    lines += [f"Written: {path}" for path in files]
    if not made.whole:
        lines.append("The span is not over yet: its figures still grow.")
    return "\n".join(lines)
