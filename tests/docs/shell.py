"""The commands on the pages of the documentation: found, split as a shell splits them, and run by one."""

from __future__ import annotations

import functools
import os
import re
import shlex
import subprocess
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from meydan.cli.main import app
from tests import warm

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# Also within a list, where a block is indented.
BLOCK = re.compile(r"^( *)```([\w-]*)[^\n]*\n(.*?)^\1```$", re.S | re.M)
SERVING = re.compile(r"meydan serve\b")
BETWEEN = {"|", "||", "&&", "&", ";", "(", ")", "<", ">", ">>"}
# A busy machine is not a failing page.
LONGEST_S = 240


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@functools.cache
def commands_of(page: Path) -> tuple[str, ...]:
    """Every command of a page's blocks of shell, in their order; one may take several lines."""
    found: list[str] = []
    for _, language, block in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language == "sh":
            found += _split(textwrap.dedent(block))
    return tuple(found)


def _split(block: str) -> Iterator[str]:
    command = ""
    for line in block.splitlines():
        command += line + "\n"
        if (not line.strip() or line.lstrip().startswith("#")) and "<<" not in command:
            command = command if command.strip("\n") != line else ""
        elif not line.endswith("\\") and _is_whole(command):
            yield command.strip()
            command = ""
    assert not command.strip(), f"a command without an end: {command}"


def _is_whole(command: str) -> bool:
    read = subprocess.run(["bash", "-n"], input=command, text=True, capture_output=True)
    # A document in the command that has not come to its end is no fault to bash.
    return read.returncode == 0 and "here-document" not in read.stderr


def invocations(command: str) -> list[list[str]]:
    """The words of each program that a command starts, without where its files go."""
    words = shlex.shlex(command, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    programs: list[list[str]] = [[]]
    for word in words:
        if word in BETWEEN or set(word) <= set("".join(BETWEEN)):
            programs.append([])
        else:
            programs[-1].append(word)
    return [program for program in programs if program]


@functools.cache
def _verbs() -> Any:
    return typer.main.get_command(app)


def check_options(words: list[str]) -> None:
    """
    See that `meydan WORDS` is a verb, with options that it has.

    Raises:
        LookupError: it is not.
    """
    command = _verbs()
    left = list(words)
    while hasattr(command, "commands"):
        # `meydan evaluate FILE.jsonl` is short for `meydan evaluate rows FILE.jsonl`.
        short = "rows" in command.commands and "." in left[0]
        verb = "rows" if short else left.pop(0)
        if verb not in command.commands:
            raise LookupError(f"meydan {' '.join(words)}: there is no {verb}")
        command = command.commands[verb]
    known = {option for one in command.params for option in (*one.opts, *one.secondary_opts)} | {
        "--help",
        "-h",
    }
    for word in left:
        if word.startswith("-") and word != "-" and word.split("=")[0] not in known:
            raise LookupError(f"meydan {' '.join(words)}: there is no {word}")


@dataclass
class Ran:
    """A command of a page, as it stands there, and what it printed."""

    command: str
    out: str
    complaints: str


class Told(list[Ran]):
    """What the commands of a page printed, in their order."""

    def of(self, command: str) -> str:
        """The standard output of the one command that begins so."""
        [found] = [ran for ran in self if ran.command.startswith(command)]
        return found.out


@dataclass
class Place:
    """
    A folder of its own in which a page's commands are run, where the data folder is the one that `meydan` takes by itself.

    Attributes:
        said: what the page says, by what is here instead: addresses, folders, placeholders.
        environment: what the shell knows beside its PATH.
        given: what every command reads that reads the standard input of the shell.
        before: what is run first, because the page takes it for done.
    """

    folder: Path
    port: int
    said: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    given: str = ""
    before: list[str] = field(default_factory=list)

    @property
    def data(self) -> Path:
        return self.folder / "meydan-data"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, page: list[str]) -> Told:
        """Run a page's commands in one shell until one fails, which must not be; a server that one starts serves until the end."""
        commands = [*self.before, *page]
        out = self.folder.with_name(f"{self.folder.name}-said")
        out.mkdir()
        (out / "given").write_text(self.given, encoding="utf-8")
        whole = "\n".join(page)
        for said in self.said:
            assert said in whole, f"the page says no more: {said}"
        lines = ["set -o pipefail"]
        for number, command in enumerate(commands):
            here = command
            for said, mine in self.said.items():
                here = here.replace(said, mine)
            files = f"<{out}/given >{out}/{number}.out 2>{out}/{number}.err"
            if SERVING.match(command):
                lines.append(f"{{ {here}\n}} {files} &")
                lines.append(
                    f"until curl --silent --fail {self.url}/healthz >{out}/health; do kill -0 $! || exit 1; sleep 0.05; done"
                )
            else:
                lines.append(f"{{ {here}\n}} {files} || exit 1")
        done, complaints = self.shell("\n".join(lines))
        told = Told(
            Ran(command, *((out / f"{number}.{of}").read_text(encoding="utf-8") for of in ("out", "err")))
            for number, command in enumerate(commands)
            if (out / f"{number}.out").exists()
        )
        last = told[-1] if told else Ran("", "", "")
        assert done == 0, f"{last.command}\n{last.out}{last.complaints}{complaints}"
        return told

    def shell(self, program: str) -> tuple[int, str]:
        """Run a program of a shell, which finds `meydan`; how it ended, and what it complained of itself."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith("MEYDAN_")}
        programs = self.folder.with_name(f"{self.folder.name}-programs")
        programs.mkdir(exist_ok=True)
        environment = {
            **clean,
            "PATH": f"{programs}{os.pathsep}{clean['PATH']}",
            "MEYDAN_PORT": str(self.port),
            **self.environment,
        }
        with warm.at_hand(programs):
            ran = subprocess.run(
                ["bash", "-c", program],
                cwd=self.folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=LONGEST_S,
            )
        return ran.returncode, ran.stderr
