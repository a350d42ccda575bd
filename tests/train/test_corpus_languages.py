"""Templates in a folder per language: what their rows are, and what the writer is told when a line is wrong."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from meydan.comment import LANGUAGES, RULE_LABELS
from meydan.train.corpus import generate

SHIPPED = [language for language in generate.languages_of() if language != "en"]

GROUPS = """
sexism = [{ G = "kadınlar", acc = "kadınları" }, { G = "kızlar", acc = "kızları", one = "kız" }]
racism = [{ G = "Araplar", acc = "Arapları", one = "Arap" }]
homophobia = [{ G = "geyler", acc = "geyleri" }]
xenophobia = [{ G = "göçmenler", acc = "göçmenleri" }]
religion = [{ G = "Aleviler", acc = "Alevileri" }]
disability = [{ G = "engelliler", acc = "engellileri" }]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of templates in Turkish with its groups, and a filler."""
    home = tmp_path / "tr"
    home.mkdir()
    (home / "groups.toml").write_text(GROUPS, "utf-8")
    (home / "fillers.txt").write_text("city = Erbil; Duhok\nwhere = {city} çarşısı\n", "utf-8")
    return tmp_path


def texts_of(folder: Path, language: str = "tr", **files: str) -> list[str]:
    """The sentences that these template files make."""
    for name, words in files.items():
        (folder / language / f"{name.replace('_', '-')}.txt").write_text(words, "utf-8")
    return [str(row["text"]) for rows in generate.make(language, folder).values() for row in rows]


def test_an_each_file_is_read_for_every_ground(folder: Path) -> None:
    """If a line has the code G, then it makes rows for each ground, whose label they carry."""
    (folder / "tr" / "each-talk.txt").write_text("G: {G} gitsin.\n-: {G.acc} seviyorum.\n", "utf-8")
    rows = generate.make("tr", folder)["each-talk"]
    by_text = {str(row["text"]): row for row in rows}
    assert set(by_text) == {
        *("Kadınlar gitsin.", "Kızlar gitsin.", "Araplar gitsin.", "Geyler gitsin."),
        *("Göçmenler gitsin.", "Aleviler gitsin.", "Engelliler gitsin."),
        *("Kadınları seviyorum.", "Kızları seviyorum.", "Arapları seviyorum.", "Geyleri seviyorum."),
        *("Göçmenleri seviyorum.", "Alevileri seviyorum.", "Engellileri seviyorum."),
    }
    labels: Any = by_text["Geyler gitsin."]["labels"]
    assert [label for label in RULE_LABELS if labels[label]] == ["homophobia"]
    assert labels["hate"] == labels["toxic"] == 1
    clean: Any = by_text["Geyleri seviyorum."]["labels"]
    assert not any(clean.values())


def test_a_row_speaks_of_one_people(folder: Path) -> None:
    """If a line asks for several forms of a people, then all are of the same one."""
    texts = texts_of(folder, each_all="-: {G}, {G.acc}.\n")
    assert {"Kadınlar, kadınları.", "Kızlar, kızları.", "Araplar, Arapları."} <= set(texts)
    assert len(texts) == 7


def test_whoever_lacks_a_form_is_left_out(folder: Path) -> None:
    """If only some peoples have a form, then the line speaks of these only, in each of the spellings."""
    assert set(texts_of(folder, each_one="-: Bir {G.one} geldi.\n")) == {"Bir kız geldi.", "Bir Arap geldi."}


def test_spellings_are_drawn(folder: Path) -> None:
    """If a form is a list, then each of its spellings may be drawn."""
    (folder / "tr" / "groups.toml").write_text(GROUPS.replace('"Arap"', '["Arap", "Arab"]'), "utf-8")
    assert set(texts_of(folder, racism="R: Pis {R.one}.\n")) == {"Pis Arap.", "Pis Arab."}


def test_fillers_nest(folder: Path) -> None:
    """If a filler holds a slot, then that is filled too."""
    assert set(texts_of(folder, talk="-: Burası {where}.\n")) == {
        "Burası Erbil çarşısı.",
        "Burası Duhok çarşısı.",
    }


def test_capitals_fit_the_language(folder: Path) -> None:
    """If a sentence begins with a choice, then it gets its capital, Turkish İ for i; a small line stays small."""
    texts = texts_of(
        folder, talk="-: [iyi] misin? evet iyiyim.\n-: iyi günler. sağ olun.\n-: Bu vb. şeyler.\n"
    )
    assert texts == ["İyi misin? Evet iyiyim.", "iyi günler. sağ olun.", "Bu vb. şeyler."]


def test_arabic_words_stay_as_written(tmp_path: Path) -> None:
    """If the language has no capitals, then nothing is changed but spaces, and a(n) means nothing."""
    (tmp_path / "ar").mkdir()
    assert texts_of(tmp_path, "ar", talk="-: [shlonak] شلونك  ؟ a(n) شي\n") == ["shlonak شلونك؟ a(n) شي"]


def test_rows_are_written_beside(folder: Path) -> None:
    """If a language is made, then its files carry its tag, and those without templates go."""
    (folder / "tr" / "talk.txt").write_text("A: Sen [aptalsın|salaksın].\n\n-: Teşekkürler.\n", "utf-8")
    (folder / "tr-gone.jsonl").write_text("{}\n", "utf-8")
    (folder / "ar-other.jsonl").write_text("{}\n", "utf-8")
    assert generate.write("tr", folder) == 3
    assert sorted(path.name for path in folder.glob("*.jsonl")) == ["ar-other.jsonl", "tr-talk.jsonl"]
    row = json.loads((folder / "tr-talk.jsonl").read_text("utf-8").splitlines()[0])
    assert (row["lang"], row["provenance"]) == ("tr", "written for Meydan")
    assert row["group"].startswith("tr-talk-")


WRONG = [
    # file          words                               what the writer is told
    ("talk", "-: fine\n-: Bu {nothing}.\n", "tr/talk.txt:2: no filler is named nothing"),
    ("talk", "# a note\n\n-: Bu [a|b.\n", "tr/talk.txt:3: a [ is not closed"),
    ("talk", "-: Bu a]b.\n", "tr/talk.txt:1: a ] closes nothing"),
    ("talk", "-: Bu a|b.\n", "tr/talk.txt:1: a | stands outside brackets"),
    ("talk", "-: Bu {city .\n", "tr/talk.txt:1: not a slot {name}"),
    ("talk", "-: {city.acc}\n", "tr/talk.txt:1: no filler is named city.acc"),
    ("talk", "-: {G} geldi.\n", "tr/talk.txt:1: no filler is named G"),
    ("talk", "Q: ne\n", "tr/talk.txt:1: not a template line"),
    ("talk", "A%x: ne\n", "tr/talk.txt:1: not a template line"),
    ("talk", "-: {H.one}\n", "tr/talk.txt:1: homophobia lists nobody with one"),
    ("each-talk", "-: ok {G}\nG: {G.dat}\n", "tr/each-talk.txt:2: sexism lists nobody with dat"),
    ("talk", "-: Aynı.\nA: Aynı.\n", "tr/talk.txt:2: the same words with other labels in tr/talk.txt:1"),
    ("fillers", "city\n", "tr/fillers.txt:1: not a line"),
]


@pytest.mark.parametrize(("name", "words", "told"), WRONG, ids=[told for _, _, told in WRONG])
def test_the_writer_is_told_where(folder: Path, name: str, words: str, told: str) -> None:
    """If a line cannot be read, then the message begins with its file and number."""
    with pytest.raises(ValueError, match=r"\S") as fault:
        texts_of(folder, **{name: words})
    assert told in str(fault.value).splitlines()[0]


def test_all_faults_are_told_at_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If several lines are wrong, then one run names them all, and says that it failed."""
    (folder / "tr" / "talk.txt").write_text("-: {no}\n-: [x\n", "utf-8")
    assert generate.main(["tr", "xx"], folder) == 1
    told = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[0] for line in told[:2]] == ["tr/talk.txt:1", "tr/talk.txt:2"]
    assert "no templates in xx" in told[2]


GROUPS_WRONG = [
    ('sexism = [{ acc = "x" }]', "not a people"),
    ("sexism = [", "groups.toml"),
    ("others = []", "no ground is named others"),
    (GROUPS.replace('"geyler"', '"Araplar"'), "Araplar stands in racism and in homophobia"),
    (GROUPS.replace("homophobia", "# homophobia"), "nobody is listed for homophobia"),
]


@pytest.mark.parametrize(("groups", "told"), GROUPS_WRONG, ids=[told for _, told in GROUPS_WRONG])
def test_groups_are_checked(folder: Path, groups: str, told: str) -> None:
    """If groups.toml lacks a plain form or a ground, or lists a people twice, then that is said."""
    (folder / "tr" / "groups.toml").write_text(groups, "utf-8")
    with pytest.raises(ValueError, match=told):
        generate.make("tr", folder)


# --- what is shipped ------------------------------------------------------------


@pytest.fixture(scope="module")
def rows() -> dict[str, list[dict[str, Any]]]:
    """The committed rows of every language but English."""
    return {
        language: [
            json.loads(line)
            for path in sorted(generate.HERE.glob(f"{language}-*.jsonl"))
            for line in path.read_text("utf-8").splitlines()
        ]
        for language in SHIPPED
    }


@pytest.mark.parametrize("language", SHIPPED)
def test_shipped_rows_are_sound(rows: dict[str, list[dict[str, Any]]], language: str) -> None:
    """If a row is read, then its fields are the agreed ones and nothing of its template shows."""
    assert language in LANGUAGES
    for row in rows[language]:
        assert set(row) == {"text", "lang", "labels", "group", "split", "provenance"}
        assert row["lang"] == language
        assert row["text"].strip() == row["text"] != ""
        written = generate.WRITTEN in row["group"]
        assert written or not set("{}[]|") & set(row["text"]), row["text"]
        assert set(row["labels"]) == {*RULE_LABELS, "toxic", "hate", *({"allegation"} if written else ())}
    keys = Counter(generate.key_of(row["text"]) for row in rows[language])
    assert [text for text, n in keys.items() if n > 1] == []


@pytest.mark.parametrize("language", SHIPPED)
def test_shipped_groups_stay_on_one_side(rows: dict[str, list[dict[str, Any]]], language: str) -> None:
    """If a group is split, then all its rows are train or all are dev."""
    sides: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows[language]:
        sides[row["group"]].add(row["split"])
    assert [group for group, side in sides.items() if len(side) > 1] == []


@pytest.mark.parametrize("language", SHIPPED)
def test_shipped_rows_are_what_the_templates_make(
    rows: dict[str, list[dict[str, Any]]], language: str
) -> None:
    """If a language is made again, then it is row for row what is committed."""
    if not rows[language]:
        pytest.skip("its templates are written, its rows not made yet")
    made = generate.make(language)
    assert [
        row for name in sorted(made, key=lambda n: f"{language}-{n}.jsonl") for row in made[name]
    ] == rows[language]


def test_a_written_sentence_is_taken_as_it_stands(folder: Path) -> None:
    """If a file's name begins with written-, then each line is one row, brackets and all, in its block's side."""
    (folder / "tr" / "written-1.txt").write_text(
        "A: sen tam bir [aptal|maymun]sın {city}\n-: Maymun bakan {city} hayvanat bahçesi kapandı.\n\n"
        "C: Kasap Veli Şahin kasadan para çaldı.\n-: Kasap kasadan para çalındığını söyledi.\n",
        "utf-8",
    )
    rows = generate.make("tr", folder)["written-1"]
    assert rows[0]["text"] == "sen tam bir [aptal|maymun]sın {city}"
    labels: Any = [row["labels"] for row in rows]
    assert [one["allegation"] for one in labels] == [0, 0, 1, 0]
    assert [one["toxic"] for one in labels] == [1, 0, 0, 0]
    assert rows[0]["group"] == rows[1]["group"]
    assert len({row["split"] for row in rows[:2]}) == len({row["split"] for row in rows[2:]}) == 1


def test_a_bad_line_among_written_sentences_is_told_with_its_place(folder: Path) -> None:
    """If a written line has no codes or an unknown one, then every such line is told, and no row is made."""
    (folder / "tr" / "written-1.txt").write_text("A: aptal herif\nZ: ne bu\nkodsuz bir cümle\n", "utf-8")
    with pytest.raises(ValueError, match=r"written-1\.txt:2(.|\n)*written-1\.txt:3"):
        generate.make("tr", folder)
