"""Signed notes and checkpoints: published ones, and that none is believed that was touched."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meydan.ledger import checkpoint, note
from meydan.ledger.checkpoint import Checkpoint
from meydan.ledger.note import COSIGNATURE, BadNote, Note, Signature, SigningKey, VerifyingKey

# Published with golang.org/x/mod/sumdb/note, which the specification was written after.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
GO_NOTE = (
    GO_TEXT
    + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
# The examples of C2SP signed-note and tlog-cosignature; their keys are not published, so only their form is known.
POEM = """\
Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed è subito sera.

— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=
"""
SOFA = """\
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""

KEY = SigningKey("news.example/ledger", b"k" * 32)
NEXT = SigningKey("news.example/ledger", b"n" * 32)
STRANGER = SigningKey("news.example/ledger", b"s" * 32)
WITNESS = SigningKey("reader.example/witness", b"w" * 32, COSIGNATURE)
STATE = Checkpoint("news.example/ledger", 7, bytes(range(32)))


def test_if_a_published_key_signs_the_published_text_then_the_note_is_the_published_one() -> None:
    key = SigningKey.parse(GO_SECRET)
    assert str(key.verifying) == GO_KEY
    assert key.word == GO_SECRET
    assert note.sign(GO_TEXT, [key]) == GO_NOTE
    opened = note.open(GO_NOTE.encode(), [VerifyingKey.parse(GO_KEY)])
    assert (opened.text, opened.by) == (GO_TEXT, (key.verifying,))


def test_if_a_note_is_an_example_of_the_specification_then_it_is_read_and_written_alike() -> None:
    for example in (POEM, SOFA):
        assert str(Note.parse(example)) == example
    assert Note.parse(POEM).text.endswith("\n\ned è subito sera.\n")
    sofa = Note.parse(SOFA)
    assert Checkpoint.parse(sofa.text).size == 20_852_163
    assert sofa.signatures[1].at == 1_679_315_147
    assert Checkpoint.parse(sofa.text).text == sofa.text


@given(st.data())
def test_if_one_bit_of_a_note_is_changed_then_it_is_not_believed(data: st.DataObject) -> None:
    written = bytearray(checkpoint.sign(STATE, [KEY]).encode())
    written[data.draw(st.integers(0, len(written) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(BadNote):
        checkpoint.open(bytes(written), [KEY.verifying])


@given(st.binary(max_size=300))
def test_for_any_bytes_reading_a_note_says_no_and_nothing_worse(written: bytes) -> None:
    with pytest.raises(BadNote):
        note.open(written, [KEY.verifying])


@given(st.text("aé+/=A0 \n—\0", max_size=80))
def test_for_any_word_reading_a_key_says_no_and_nothing_worse(word: str) -> None:
    for read in (VerifyingKey.parse, SigningKey.parse, Checkpoint.parse):
        with pytest.raises(BadNote):
            read(word)


def test_if_a_key_was_changed_for_another_then_either_of_two_signatures_is_enough() -> None:
    written = checkpoint.sign(STATE, [KEY, NEXT])
    assert checkpoint.open(written, [KEY.verifying])[0] == STATE
    assert checkpoint.open(written, [NEXT.verifying])[1].by == (NEXT.verifying,)
    assert checkpoint.open(written, [STRANGER.verifying, NEXT.verifying, KEY.verifying])[1].by == (
        NEXT.verifying,
        KEY.verifying,
    )
    with pytest.raises(BadNote, match="None of the known keys"):
        checkpoint.open(written, [STRANGER.verifying])


def test_if_one_of_two_known_signatures_is_false_then_the_note_is_refused() -> None:
    good = Note.parse(checkpoint.sign(STATE, [KEY, NEXT]))
    false = Signature(NEXT.name, NEXT.verifying.id, b"\0" * 64)
    with pytest.raises(BadNote, match="not made with it"):
        note.open(str(Note(good.text, (good.signatures[0], false))), [KEY.verifying, NEXT.verifying])
    # Of a key that is not known it is nothing to us.
    note.open(str(Note(good.text, (good.signatures[0], false))), [KEY.verifying])


def test_if_a_witness_cosigns_then_the_time_is_signed_with_it() -> None:
    signed = Note.parse(checkpoint.sign(STATE, [KEY]))
    seen = note.cosign(signed, WITNESS, at=1_700_000_000)
    assert note.open(str(seen), [KEY.verifying, WITNESS.verifying]).by == (KEY.verifying, WITNESS.verifying)
    assert seen.signatures[1].at == 1_700_000_000
    late = Signature(
        WITNESS.name, WITNESS.verifying.id, (1_700_000_001).to_bytes(8, "big") + seen.signatures[1].body[8:]
    )
    with pytest.raises(BadNote):
        note.open(str(Note(signed.text, (signed.signatures[0], late))), [WITNESS.verifying])
    # Again, later: one signature of each witness.
    assert len(note.cosign(seen, WITNESS, at=1_700_000_009).signatures) == 2
    assert VerifyingKey.parse(str(WITNESS.verifying)) == WITNESS.verifying
    # The signed bytes are those that the specification writes out.
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    Ed25519PublicKey.from_public_bytes(WITNESS.verifying.key).verify(
        seen.signatures[1].body[8:], f"cosignature/v1\ntime 1700000000\n{STATE.text}".encode()
    )


def test_if_a_witness_would_sign_as_a_ledger_or_a_ledger_as_a_witness_then_it_does_not() -> None:
    with pytest.raises(ValueError, match="cosignature"):
        note.sign(STATE.text, [WITNESS])
    with pytest.raises(ValueError, match="cosignature"):
        note.cosign(Note.parse(checkpoint.sign(STATE, [KEY])), KEY, at=1)
    assert WITNESS.verifying.id != SigningKey(WITNESS.name, WITNESS.seed).verifying.id


BAD_NOTES = [
    ("text\n", "no signature"),
    ("text\n\n", "no signature line"),
    ("\n\n— a AAAAAAA=\n", "no text"),
    ("text\n\n— a AAAAAAA=", "no end of the last line"),
    ("text\n\n- a AAAAAAA=\n", "another dash"),
    ("text\n\n—  AAAAAAA=\n", "no name"),
    ("text\n\n— a+b AAAAAAA=\n", "a plus in the name"),
    ("text\n\n— a\u00a0b AAAAAAA=\n", "a space in the name"),
    ("text\n\n— a AAAAAAA= more\n", "a third word"),
    ("text\n\n— a AAAAAA==\n", "four bytes only"),
    ("text\n\n— a AAAAAAB=\n", "bits beyond the last byte"),
    ("text\n\n— a AAAA_A==\n", "another alphabet"),
    ("te\0xt\n\n— a AAAAAAA=\n", "a null byte"),
    ("te\rxt\n\n— a AAAAAAA=\n", "a carriage return"),
    ("text\n\n" + "— a AAAAAAA=\n" * 65, "too many signatures"),
    ("x" * 64_001 + "\n\n— a AAAAAAA=\n", "too long"),
]


@pytest.mark.parametrize(("written", "why"), BAD_NOTES, ids=[why for _, why in BAD_NOTES])
def test_if_it_does_not_have_the_form_of_a_note_then_it_is_none(written: str, why: str) -> None:
    with pytest.raises(BadNote):
        Note.parse(written)


def test_if_a_note_has_sixteen_signatures_of_strangers_then_the_known_one_still_counts() -> None:
    others = [SigningKey(f"other.example/{i}", bytes([i]) * 32) for i in range(15)]
    assert note.open(note.sign("text\n", [*others, KEY]), [KEY.verifying]).by == (KEY.verifying,)


ROOT = base64.b64encode(bytes(32)).decode()
BAD_CHECKPOINTS = [
    "a\n1\n", f"a\n01\n{ROOT}\n", f"a\n-1\n{ROOT}\n", f"a\n+1\n{ROOT}\n", f"\n1\n{ROOT}\n", f"a\n1\n{ROOT}", f"a\n1 \n{ROOT}\n",
    f"a\n1\n{ROOT}\n\n", f"a\n1\n{ROOT[:-2]}B=\n", f"a\n1\n{ROOT[:-4]}\n", f"a\n\n{ROOT}\n", f"a\n٣\n{ROOT}\n",
    f"a\n{'9' * 30}\n{ROOT}\n", "",
]  # fmt: skip


@pytest.mark.parametrize("text", BAD_CHECKPOINTS)
def test_if_a_text_is_not_exactly_a_checkpoint_then_it_is_none(text: str) -> None:
    with pytest.raises(BadNote):
        Checkpoint.parse(text)


def test_if_a_checkpoint_has_further_lines_then_they_are_kept_with_it() -> None:
    assert Checkpoint.parse(f"a\n1\n{ROOT}\nmore\n").extensions == ("more",)
    assert Checkpoint.parse(f"a\n0\n{ROOT}\n").size == 0


def test_if_a_key_is_damaged_or_of_another_kind_then_it_is_refused_and_not_repeated() -> None:
    word = str(KEY.verifying)
    name, id, body = word.split("+", 2)
    ml_dsa = base64.b64encode(bytes([6]) + bytes(32)).decode()
    for wrong in (
        word[:-4],
        f"{name}+00000000+{body}",
        f"{name}+{id}+{ml_dsa}",
        f" {word}",
        f"{word}\n",
        word.replace("+", "-"),
    ):
        with pytest.raises(BadNote):
            VerifyingKey.parse(wrong)
    secret = KEY.word
    for wrong in (secret[:-4], secret.replace(KEY.verifying.id.hex(), "00000000"), word):
        with pytest.raises(BadNote) as told:
            SigningKey.parse(wrong)
        assert secret[-20:] not in str(told.value)
    assert "k" * 8 not in repr(KEY)
    assert KEY.word not in repr(KEY)
    with pytest.raises(BadNote):
        SigningKey("a b", b"k" * 32)
    with pytest.raises(BadNote):
        SigningKey("a", b"k" * 31)


def test_if_a_text_would_not_be_read_as_it_is_signed_then_it_is_not_signed() -> None:
    for text in ("no end", "a\rb\n", "a\0\n"):
        with pytest.raises(ValueError, match="lines"):
            note.sign(text, [KEY])
