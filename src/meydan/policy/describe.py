"""
The guidelines as plain text, for a terminal: what readers are told, and what the machine may do.

Pure. The texts are the file's, in the language asked for where it has them; the
lines for the operator are English.
"""

from __future__ import annotations

import textwrap
from collections import Counter

from meydan.policy.guidelines import Guidelines, Rule, Welcome, words

_WIDTH = 78


def describe(guidelines: Guidelines, language: str) -> str:
    """
    Set the guidelines for a terminal of 80 columns.

    Args:
        guidelines: what to show.
        language: the tag of the texts' language; `words` picks another where there is none.

    Returns:
        Lines of at most 78 characters (a longer word stands alone), with a final line break.
    """
    publication = guidelines.publication
    head = f"{publication.name}: guidelines"
    parts = [head, "=" * len(head), "", *_paragraphs(words(guidelines.intro, language)), ""]
    if guidelines.welcomes:
        parts += ["What is welcome", "---------------", ""]
        for welcome in guidelines.welcomes:
            parts += _entry(welcome, language, _welcome_figures(welcome))
    parts += ["What is not published", "---------------------", ""]
    for rule in guidelines.rules:
        parts += _entry(rule, language, _rule_figures(rule))
    parts += ["For the operator", "----------------", ""]
    automation = guidelines.automation
    if automation.mode == "off":
        machine = "A person decides every comment (automation is off)."
    else:
        machine = (
            f"The machine decides where it rejects at most {automation.wrongly_rejected:.1%} of acceptable comments "
            f"and approves at most {automation.wrongly_approved:.1%} of violations, "
            f"with {automation.confidence:.0%} confidence; a person decides the rest, "
            f"and decides {automation.audit:.1%} of the machine's decisions again."
        )
    parts += _paragraphs(machine)
    parts += _paragraphs(f"Pages that may embed: {', '.join(publication.origins)}")
    parts += _paragraphs(f"Languages: {', '.join(publication.languages)}")
    parts += _paragraphs(f"Required fields: {', '.join(publication.required)}")
    parts += [f"Digest: {guidelines.digest}"]
    return "\n".join(parts) + "\n"


def _entry(entry: Rule | Welcome, language: str, figures: str) -> list[str]:
    """One rule or welcome: its title and id, its text, and what the machine does with it."""
    lines = [f"{words(entry.title, language)}  [{entry.id}]"]
    lines += _paragraphs(words(entry.text, language), indent="  ")
    lines += _paragraphs(figures, indent="  > ")
    return [*lines, ""]


def _rule_figures(rule: Rule) -> str:
    if rule.people_only:
        return "Only people apply this rule."
    expected = Counter(example.expect.value for example in rule.examples)
    examples = ", ".join(f"{count} {expect}" for expect, count in sorted(expected.items())) or "none"
    return (
        f"Held from {rule.hold_from:.2f}, rejected from {rule.reject_from:.2f}, by {', '.join(rule.labels)}. "
        f"Examples: {examples}."
    )


def _welcome_figures(welcome: Welcome) -> str:
    if not welcome.labels:
        return "Not measured."
    measured = f"Measured by {', '.join(welcome.labels)}"
    if welcome.hold_below is None:
        return f"{measured}; nothing is held for it."
    return f"{measured}; held below {welcome.hold_below:.2f}, never rejected."


def _paragraphs(text: str, *, indent: str = "") -> list[str]:
    lines: list[str] = []
    for paragraph in text.split("\n"):
        lines += textwrap.wrap(
            paragraph,
            width=_WIDTH,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
    return lines
