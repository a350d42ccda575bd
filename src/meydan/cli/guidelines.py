"""
`meydan guidelines check|show|test|diff|backtest`: the guidelines file has a checker and unit tests of its own, can be held
against any version that took effect, and be tried on what was decided.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from meydan import policy
from meydan.cli.speech import (
    EXIT_REFUSED,
    DatabaseOption,
    DataOption,
    GuidelinesOption,
    JsonOption,
    SettingsOption,
    console,
    fault_of,
    refusals,
    say,
    settings_of,
)
from meydan.errors import Malformed, NotFound
from meydan.settings import Settings

app = typer.Typer(help="Check, show, compare and try the guidelines file.", no_args_is_help=True)

FileArgument = Annotated[
    Path | None, typer.Argument(help="The guidelines file; the one in force when left out.")
]


@app.command("check")
def check(
    file: FileArgument = None, guidelines: GuidelinesOption = None, as_json: JsonOption = False
) -> None:
    """Name every fault with line, column and what to write instead."""
    with refusals(as_json=as_json):
        path = _path(file, guidelines)
        if path is None:
            _loaded(None)
            faults: list[policy.Fault] = []
        else:
            faults = policy.check(policy.load_source(path), path.name)
    name = path.name if path else "The guidelines in force"
    if as_json:
        say([fault_of(fault) for fault in faults], as_json=True, text="")
    elif not faults:
        console.print(f"{name}: no faults.", markup=False)
    else:
        for fault in faults:
            console.print(fault.render(name), markup=False, soft_wrap=True)
        console.print(f"{len(faults)} to mend.", markup=False)
    if faults:
        raise typer.Exit(EXIT_REFUSED)


@app.command("show")
def show(
    file: FileArgument = None,
    language: Annotated[str, typer.Option("--language", help="In which language.")] = "en",
    guidelines: GuidelinesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the guidelines as readers are told them."""
    path = _path(file, guidelines)
    with refusals(as_json=as_json, name=path.name if path else "default.toml"):
        loaded = _loaded(path)
        if language not in loaded.publication.languages:
            raise Malformed(
                f"These guidelines have no {language!r}; they have {', '.join(loaded.publication.languages)}.",
                fields=("language",),
            )
        say(_as_values(loaded, language), as_json=as_json, text=policy.describe(loaded, language))


@app.command("test")
def test(file: FileArgument = None, guidelines: GuidelinesOption = None, as_json: JsonOption = False) -> None:
    """Judge every example in the file and compare with what it expects."""
    from meydan.judge import Judge
    from meydan.judge.calibration import in_force
    from meydan.judge.examples import tried
    from meydan.settings import load_settings

    path = _path(file, guidelines)
    with refusals(as_json=as_json, name=path.name if path else "default.toml"):
        loaded = _loaded(path)
        judge = Judge.load()
        known = in_force(load_settings().calibration_file, judge.model)
        results: list[dict[str, Any]] = [
            {
                "rule": one.rule.id,
                "line": one.example.line,
                "lang": one.example.lang,
                "expect": one.example.expect,
                "got": one.got.verdict.value,
                "rules": [reason.rule for reason in one.got.reasons],
                "holds": [hold.value for hold in one.got.holds],
                "pass": one.passes,
            }
            for one in tried(loaded, judge, known)
        ]
    # To leave it to a person is never wrong, only more work: the judge knows its limits in each language.
    held = [result for result in results if not result["pass"] and result["got"] == "hold"]
    failed = [result for result in results if not result["pass"] and result["got"] != "hold"]
    if as_json:
        counts = {"examples": len(results), "failed": len(failed), "held": len(held)}
        say({**counts, "results": results}, as_json=True, text="")
    else:
        if failed or held:
            table = Table("line", "rule", "language", "expected", "got", "because", box=None)
            for result in (*failed, *held):
                because = ", ".join(result["rules"] or result["holds"])
                table.add_row(
                    str(result["line"]),
                    result["rule"],
                    result["lang"],
                    result["expect"],
                    result["got"],
                    because,
                )
            console.print(table)
        passed = len(results) - len(failed) - len(held)
        console.print(
            f"{passed} of {len(results)} examples pass, {len(held)} would wait for a person, {len(failed)} fail.",
            markup=False,
        )
    if failed:
        raise typer.Exit(EXIT_REFUSED)


@app.command("diff")
def diff(
    old: Annotated[
        str, typer.Argument(help="A guidelines file, or the digest of a version that took effect.")
    ],
    new: Annotated[str, typer.Argument(help="Another.")],
    data: DataOption = None,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what changes from one file or version to another, line by line."""
    with refusals(as_json=as_json):
        given = settings_of(settings, data=data, database=database)
        lines = policy.difference(_source(old, given), _source(new, given))
    if as_json:
        told = [
            {"kind": line.kind, "old": line.old, "new": line.new, "text": line.text}
            for line in lines
            if line.kind != "left-out"
        ]
        say(told, as_json=True, text="")
        return
    for line in lines:
        shown = f"  … {line.count} lines left out" if line.kind == "left-out" else f"{line.sign} {line.text}"
        console.print(shown, markup=False, soft_wrap=True)
    if not lines:
        console.print("No line differs.", markup=False)


@app.command("backtest")
def backtest(
    file: Annotated[Path, typer.Argument(help="The guidelines file to try.")],
    last: Annotated[int, typer.Option("--last", help="On so many of the comments decided last.")] = 500,
    data: DataOption = None,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what this file would have made of comments that are decided; nothing is judged anew, nothing is written."""
    from meydan.wiring import build

    with refusals(as_json=as_json, name=file.name):
        loaded = policy.load(file)
        meydan = build(settings_of(settings, data=data, database=database), entering=False)
        try:
            ruling = meydan.desk.guidelines.digest
            found = meydan.desk.backtest(loaded, last=last)
        finally:
            meydan.close()
        told = {
            "in_force": ruling,
            "file": loaded.digest,
            "decided": found.decided,
            "changed": len(found.changes),
            "moves": [
                {"before": was.value, "after": now.value, "comments": count}
                for (was, now), count in found.moves.items()
            ],
            "rules": {rule or None: count for rule, count in found.by_rule.items()},
            "not_decided": dict(found.not_decided),
            "other_model": found.other_model,
            "people": dict(zip(("decided", "alike_in_force", "alike_file"), found.people, strict=True)),
            "changes": [
                {
                    "id": change.id,
                    "before": change.before.verdict.value,
                    "after": change.after.verdict.value,
                    "rules_before": list(change.rules_before),
                    "rules_after": list(change.rules_after),
                    "stands": change.stands.value,
                    "by_person": change.by_person,
                }
                for change in found.changes
            ],
        }
        lines = [
            f"Decided again: {found.decided}. Would be decided otherwise: {len(found.changes)}.",
            *(f"  {was.value} -> {now.value}: {count}" for (was, now), count in found.moves.items()),
            *(
                f"  by rule {rule or '(automation or welcome)'}: {count}"
                for rule, count in found.by_rule.items()
            ),
            *(f"Could not be decided again ({why}): {count}" for why, count in found.not_decided.items()),
            *(
                f"{change.id}  {change.before.verdict.value} -> {change.after.verdict.value}"
                for change in found.changes
            ),
        ]
        say(told, as_json=as_json, text="\n".join(lines))


def _path(file: Path | None, guidelines: Path | None) -> Path | None:
    """The file that is meant; None for what is in force."""
    return file or guidelines


def _loaded(path: Path | None) -> policy.Guidelines:
    """A file's guidelines; those in force where none is named: the newest version, or the settings' file."""
    from meydan.settings import load_settings
    from meydan.wiring import guidelines_in_force

    return policy.load(path) if path else guidelines_in_force(load_settings())


def _source(named: str, given: Settings) -> bytes:
    """The bytes of a file, or of a version by its digest."""
    from meydan.wiring import open_store

    digest = f"sha256:{named.removeprefix('sha256:')}"
    is_digest = re.fullmatch(r"sha256:[0-9a-f]{64}", digest) is not None
    if is_digest and not given.is_unmade and not Path(named).exists():
        store = open_store(given)
        try:
            source = store.guidelines.source(digest)
        finally:
            store.close()
        if source is None:
            raise NotFound("No guidelines of this digest ever took effect here.")
        return source
    return policy.load_source(Path(named))


def _as_values(loaded: policy.Guidelines, language: str) -> dict[str, Any]:
    def told(item: policy.Rule | policy.Welcome) -> dict[str, Any]:
        return {
            "id": item.id,
            "title": policy.words(item.title, language),
            "text": policy.words(item.text, language),
            "labels": list(item.labels),
        }

    return {
        "digest": loaded.digest,
        "publication": loaded.publication.name,
        "languages": list(loaded.publication.languages),
        "intro": policy.words(loaded.intro, language),
        "welcomes": [told(welcome) for welcome in loaded.welcomes],
        "rules": [
            {
                **told(rule),
                "hold_from": rule.hold_from,
                "reject_from": rule.reject_from,
                "people_only": rule.people_only,
            }
            for rule in loaded.rules
        ],
        "mode": loaded.automation.mode,
    }
