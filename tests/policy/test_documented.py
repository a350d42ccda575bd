"""docs/guidelines.md documents exactly the keys, labels and verdicts that the loader knows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from meydan import policy
from meydan.comment import LANGUAGES, RULE_LABELS, WELCOME_LABELS, Verdict
from meydan.policy.check import FIELDS, KEYS, RULES_FOR_PEOPLE
from meydan.policy.guidelines import MODES

PAGE = (Path(__file__).parents[2] / "docs/guidelines.md").read_text(encoding="utf-8")
HEADINGS = {
    "": "## At the top",
    "publication": "## `[publication]`",
    "welcome": "## `[[welcome]]`",
    "rule": "## `[[rule]]`",
    "rule.example": "## `[[rule.example]]`",
    "automation": "## `[automation]`",
    "authors": "## `[authors]`",
    "people": "## `[people]`",
    "threads": "## `[threads]`",
    "form": "## `[form]`",
}


def section(heading: str) -> str:
    """What stands under a heading, up to the next."""
    _, _, rest = PAGE.partition(f"{heading}\n")
    return rest.partition("\n## ")[0]


@pytest.mark.parametrize("table", KEYS)
def test_every_key_is_documented(table: str) -> None:
    """If the loader knows a key, then its table's section has a line for it, and for no other key."""
    keys = section(HEADINGS[table]).partition("| Key |")[2].partition("\n\n")[0]
    assert tuple(re.findall(r"^\| `([a-z_]+)` \|", keys, re.M)) == KEYS[table]


@pytest.mark.parametrize(
    "word", [*LANGUAGES, *RULE_LABELS, *WELCOME_LABELS, *Verdict, *MODES, *FIELDS, *RULES_FOR_PEOPLE]
)
def test_every_word_that_may_be_written_is_documented(word: str) -> None:
    """If a value may be written in the file, then the page names it."""
    assert re.search(rf'`"?{re.escape(word)}"?`', PAGE)


def test_the_fault_shown_is_a_real_one() -> None:
    """If the page shows a fault, then that is how the checker words it."""
    shown = re.search(r"```text\n(guidelines\.toml:.*?)\n```", PAGE, re.DOTALL)
    assert shown
    file = Path(__file__).with_name("golden") / "hold_above_reject.toml"
    (fault,) = policy.check(file.read_bytes())
    assert fault.render("guidelines.toml") == shown[1]


def test_limits_are_as_documented() -> None:
    """If the page gives a range, then the checker keeps to it: its edges pass, and what lies beyond is a fault."""
    plain = (Path(__file__).with_name("golden") / "no_faults.toml").read_text(encoding="utf-8")
    for key, good, bad in [
        ("wrongly_rejected", ("0", "0.5"), ("-0.01", "0.51")),
        ("wrongly_approved", ("0", "0.5"), ("-0.01", "0.51")),
        ("confidence", ("0.5", "0.999"), ("0.49", "1")),
        ("audit", ("0", "1"), ("-0.01", "1.01")),
        ("hold_below", ("0", "1"), ("-0.01", "1.01")),
        ("hold_from", ("0", "0.9"), ("-0.01", "0.91", "1.01")),
        ("reject_from", ("0.2", "1"), ("0.19", "0", "1.01")),
    ]:
        for number in (*good, *bad):
            source = re.sub(rf"^{key} = .*$", f"{key} = {number}", plain, flags=re.M)
            faults = policy.check(source.encode())
            assert bool(faults) is (number in bad), (key, number)
    none_held = plain.replace("hold_from = 0.20", "hold_from = 0").replace(
        "reject_from = 0.90", "reject_from = 0"
    )
    assert [fault.line for fault in policy.check(none_held.encode())] == [25]
