"""Files that are damaged at start or while the server runs: it refuses to start and says what to do, or keeps what it has."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import meydan
from meydan.comment import Status
from meydan.errors import BadCalibration, BadModel, BadSettings, MeydanError, StoreUnavailable
from meydan.judge import Judge
from meydan.judge.calibration import SHIPPED as CALIBRATION
from meydan.judge.calibration import in_force, load
from meydan.settings import Settings
from meydan.store import Page, Store
from meydan.wiring import build
from tests.faults.sending import SIZE, check_kept, report, sending
from tests.serving import Served
from tests.store.making import STORY, approved, receive
from tests.web.conftest import UNHURRIED

SEED = 20261128
PACKAGE = Path(meydan.__file__).parent
MODELS = PACKAGE / "judge" / "models"
MODEL_FILES = (
    "encoder/encoder.onnx", "encoder/tokenizer.json", "encoder/manifest.json", "fast/weights.z", "fast/manifest.json",
    "relevance.json",
)  # fmt: skip


def flip(path: Path, chance: random.Random) -> None:
    """Another bit somewhere."""
    held = bytearray(path.read_bytes())
    held[chance.randrange(len(held))] ^= 1 << chance.randrange(8)
    path.write_bytes(held)


def cut(path: Path, chance: random.Random) -> None:
    os.truncate(path, chance.randrange(path.stat().st_size))


def lose(path: Path, chance: random.Random) -> None:
    path.unlink()


DAMAGES: list[Callable[[Path, random.Random], None]] = [flip, cut, lose]


def asked(question: Callable[[], Any]) -> Any:
    """Its answer, or the refusal of the program's own; whatever else is raised fails the test."""
    try:
        return question()
    except MeydanError as refusal:
        return refusal


def own_copy(path: Path) -> Path:
    """A file in the place of a link to it, so that damage is done to nobody else's."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", MODEL_FILES)
def test_a_damaged_model_decides_nothing(tmp_path: Path, name: str) -> None:
    """If a file of the models is flipped, cut or missing, then loading refuses and says what to do; or what is loaded is another judge, which no calibration lets decide."""
    chance = random.Random(f"{SEED} {name}")
    tried = 0
    for damage in [flip] * (2 * SIZE - 1) + [cut] * SIZE + [lose]:
        models = tmp_path / str(tried)
        shutil.copytree(MODELS, models, copy_function=os.symlink)
        damage(own_copy(models / name), chance)
        loaded = asked(lambda: Judge.load(models))  # noqa: B023
        if isinstance(loaded, Judge):
            assert not in_force(tmp_path / "none", loaded.model).by_language, damage.__name__
        else:
            assert isinstance(loaded, BadModel)
            assert "Install Meydan again" in loaded.message
        shutil.rmtree(models)
        tried += 1
    report("damaged model", file=name, tried=tried)


@pytest.mark.parametrize("damage", [cut, lose, flip], ids=lambda damage: damage.__name__)
def test_a_damaged_secret_is_not_made_anew_in_silence(tmp_path: Path, damage: Callable[..., None]) -> None:
    """If the secret is damaged, then nothing starts, and the message says where it is and what to do."""
    secret = tmp_path / "secret.key"
    secret.write_text("ab" * 32)
    if damage is flip:
        secret.write_bytes(b"\xff" + secret.read_bytes()[1:])
    elif damage is cut:
        cut(secret, random.Random(SEED))
    else:
        secret.write_bytes(b"")
    before = secret.read_bytes()
    with pytest.raises(BadSettings, match="Put it back from a backup") as refusal:
        build(Settings(data=tmp_path))
    assert str(secret) in refusal.value.message
    assert secret.read_bytes() == before


def test_a_damaged_calibration_says_what_to_do(tmp_path: Path) -> None:
    """If a calibration is cut, emptied, or of other bytes, then it is refused with what to do, or what it says is as sound as before."""
    chance = random.Random(SEED)
    for damage in [cut] * 20 * SIZE + [flip] * 100 * SIZE:
        path = tmp_path / "calibration.json"
        shutil.copyfile(CALIBRATION, path)
        damage(path, chance)
        loaded = asked(lambda: load(path))  # noqa: B023
        if isinstance(loaded, MeydanError):
            assert isinstance(loaded, BadCalibration)
            assert "remove it" in loaded.message.lower() or "meydan calibrate" in loaded.message


def test_files_replaced_under_a_running_server(tmp_path: Path) -> None:
    """If model, lexicon and calibration are damaged while the server runs, then it goes on with what it has; started again, it refuses with what to do."""
    package, data = tmp_path / "src" / "meydan", tmp_path / "data"
    shutil.copytree(PACKAGE, package, copy_function=os.symlink, ignore=shutil.ignore_patterns("__pycache__"))
    data.mkdir()
    chance = random.Random(SEED)
    served = Served(data, sweep_seconds=1, source=package.parent, **UNHURRIED)
    served.start()
    with sending(served.url, 40) as sent:
        sent.reach(0.3)
        for name in (
            "judge/models/encoder/encoder.onnx",
            "judge/models/fast/weights.z",
            "judge/lexicon/en.toml",
        ):
            cut(own_copy(package / name), chance)
        (data / "calibration.json").write_text('{"format": 1')
        served.until(lambda: "calibration_refused" in served.log.read_text())
    served.stop()
    (data / "calibration.json").unlink()
    check_kept(Settings(data=data), sent)
    for name in ("judge/models/encoder/encoder.onnx", "judge/models/fast/weights.z", "judge/lexicon/en.toml"):
        with pytest.raises(AssertionError, match=r"M303.*Install Meydan again"):
            served.start()
        (package / name).unlink()
        (package / name).symlink_to(PACKAGE / name)
    (data / "calibration.json").write_text('{"format": 1')
    with pytest.raises(AssertionError, match=r"M306.*Remove it"):
        served.start()


DAMAGED = "The database is damaged: stop the server, keep a copy of the files, and restore the last backup."


def test_a_damaged_sqlite_file_shows_nothing_held(tmp_path: Path) -> None:
    """If pages of the SQLite file are overwritten or it is cut off, then what can be read is what was approved, and all else is refused as damaged."""
    whole = tmp_path / "whole.db"
    store = Store.open(f"sqlite:///{whole}")
    shown = {approved(store) for _ in range(150)}
    held = {receive(store, "Never to be seen.") for _ in range(50)}
    store.close()
    chance = random.Random(SEED)
    told: dict[str, int] = {"refused": 0, "read": 0}
    for number in range(40 * SIZE):
        path = tmp_path / f"{number}.db"
        shutil.copyfile(whole, path)
        size = path.stat().st_size
        if number % 4 == 0:
            cut(path, chance)
        else:
            with path.open("r+b") as file:
                for _ in range(chance.choice([1, 4, 16])):
                    file.seek(4096 * chance.randrange(size // 4096))
                    file.write(chance.randbytes(4096))
        opened = asked(lambda: Store.open(f"sqlite:///{path}"))  # noqa: B023
        if isinstance(opened, MeydanError):
            told["refused"] += 1
            assert isinstance(opened, StoreUnavailable)
            assert DAMAGED in opened.message or path.stat().st_size < 4096, opened.message
            continue
        with contextlib.closing(opened) as damaged:
            answers = [
                asked(lambda: damaged.page(STORY, sort="oldest", after=None, limit=200)),
                asked(lambda: receive(damaged)),
                asked(lambda: damaged.held(after=None, limit=10)),
            ]
        refusals = [answer for answer in answers if isinstance(answer, MeydanError)]
        assert all(isinstance(refusal, StoreUnavailable) for refusal in refusals)
        told["refused"] += len(refusals)
        told["read"] += len(answers) - len(refusals)
        if isinstance(answers[0], Page):
            assert {comment.id for comment in answers[0].comments} <= shown
            assert all(comment.status is Status.APPROVED for comment in answers[0].comments)
    report("damaged SQLite file", tried=40 * SIZE, **told)
    assert held
