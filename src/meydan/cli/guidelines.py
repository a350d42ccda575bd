"""`meydan guidelines check|show|test`: the guidelines file has a checker and unit tests of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from meydan import policy
from meydan.cli.speech import EXIT_REFUSED, GuidelinesOption, JsonOption, console, fault_of, refusals, say
from meydan.comment import Story
from meydan.errors import Malformed

app = typer.Typer(help="Check, show and test the guidelines file.", no_args_is_help=True)

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
            policy.load(None)
            faults: list[policy.Fault] = []
        else:
            faults = policy.check(policy.load_source(path), path.name)
    name = path.name if path else "default.toml"
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
        loaded = policy.load(path)
        if language not in loaded.publication.languages:
            raise Malformed(
                f"These guidelines have no {language!r}; they have {', '.join(loaded.publication.languages)}.",
                fields=("language",),
            )
        say(_as_values(loaded, language), as_json=as_json, text=policy.describe(loaded, language))


@app.command("test")
def test(file: FileArgument = None, guidelines: GuidelinesOption = None, as_json: JsonOption = False) -> None:
    """Judge every example in the file and compare with what it expects."""
    from meydan.judge import Judge, decide
    from meydan.judge.calibration import in_force
    from meydan.settings import load_settings

    path = _path(file, guidelines)
    with refusals(as_json=as_json, name=path.name if path else "default.toml"):
        loaded = policy.load(path)
        judge = Judge.load()
        known = in_force(load_settings().calibration_file, judge.model)
        results: list[dict[str, Any]] = []
        for rule, example in loaded.examples:
            story = Story(id=0, url="", title=example.story) if example.story else None
            evidence = judge.evidence(
                example.text, language=example.lang, story=story, expected=loaded.publication.languages
            )
            got = decide(evidence, loaded, calibrations=known)
            results.append(
                {
                    "rule": rule.id,
                    "line": example.line,
                    "lang": example.lang,
                    "expect": example.expect,
                    "got": got.verdict.value,
                    "rules": [reason.rule for reason in got.reasons],
                    "holds": [hold.value for hold in got.holds],
                    # A rejection for another rule than the one it illustrates is not what was asked for.
                    "pass": got.verdict.value == example.expect
                    and (example.expect != "reject" or rule.id in {reason.rule for reason in got.reasons}),
                }
            )
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


def _path(file: Path | None, guidelines: Path | None) -> Path | None:
    from meydan.settings import load_settings

    return file or load_settings(given={"guidelines": guidelines}).guidelines


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
