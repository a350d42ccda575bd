"""docs/embed.md, word for word: every block on that page is run, and comments have to be on the pages that come of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests import npm, warm
from tests.newsroom import ABUSIVE, COURTEOUS
from tests.serving import Served

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
PLUGIN = ROOT / "integrations/wordpress/meydan"
# What Debian calls the package that a command is in. Servers are not on everybody's PATH.
PACKAGES = {"nginx": "nginx-light", "php": "php-cli", "curl": "curl"}
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin"])
QUIET = {key: value for key, value in os.environ.items() if not key.startswith("MEYDAN_")}
# Where blocks of the page begin: ```language name
BLOCK = re.compile(r"^```(\w*)[ ]?([\w-]*)\n(.*?)^```$", re.S | re.M)
WITH_REACT = """
<script type="importmap">{"imports": {"react": "/react.js", "react/jsx-runtime": "/jsx.js"}}</script>
<script src="/react-umd.js"></script>
<script src="/react-dom-umd.js"></script>
<script type="module" src="https://comments.example/embed.js"></script>
<div id="root"></div>
<script type="module">
import { Comments } from "/Comments.js";
const element = React.createElement(Comments, { story: "https://news.example/a-story" });
ReactDOM.createRoot(document.getElementById("root")).render(element);
</script>
"""
# React of npm is no module for browsers; these two make one of it, as a bundler would.
REACT = "export const { useEffect, useRef, useState } = window.React;"
JSX = "export const jsx = (type, props) => window.React.createElement(type, props); export const jsxs = jsx;"


class Place:
    """
    The page's blocks in a place of their own: `comments` stands for https://comments.example, `site` for https://news.example.

    What is taken is noted, so that no block is forgotten.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "site"
        self.root.mkdir()
        # Browsers ask for it, and complain.
        (self.root / "favicon.ico").touch()
        self.port, self.site_port, self.php_port = (free_port() for _ in range(3))
        self.comments = f"http://127.0.0.1:{self.port}"
        self.site = f"http://localhost:{self.site_port}"
        self.php = f"http://localhost:{self.php_port}"
        self.story = f"{self.site}/a-story"
        self._blocks: dict[str, str] = {}
        for _, name, text in BLOCK.findall((ROOT / "docs/embed.md").read_text(encoding="utf-8")):
            assert name, f"a block of docs/embed.md has no name, so nothing runs it: {text}"
            assert name not in self._blocks, f"two blocks of docs/embed.md are called {name}"
            self._blocks[name] = text
        self._taken: set[str] = set()
        self.environment = QUIET | {
            "PATH": PATH,
            "MEYDAN_DATA": str(folder / "data"),
            "MEYDAN_PORT": str(self.port),
        }

    def here(self, text: str) -> str:
        """A text with the addresses of this place."""
        for address, mine in (
            ("https://comments.example", self.comments),
            ("https://news.example", self.site),
        ):
            text = text.replace(address, mine).replace(quote(address, safe=""), quote(mine, safe=""))
        return text

    def block(self, name: str) -> str:
        """A block with the addresses of this place."""
        self._taken.add(name)
        return self.here(self._blocks[name])

    @property
    def forgotten(self) -> set[str]:
        return self._blocks.keys() - self._taken

    def run(self, name: str, **more: str) -> str:
        """What a block prints, run by a shell; it has to succeed."""
        done = subprocess.run(
            ["bash", "-e", "-c", self.block(name)],
            cwd=self.folder,
            env=self.environment | more,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
        return done.stdout

    def put(self, name: str, inside: str) -> str:
        """Put a page where the site's server finds it, whole or to be made whole; its address."""
        if "<html" not in inside:
            inside = (
                f'<!doctype html><html lang="en"><meta charset="utf-8"><title>A site</title>{inside}</html>'
            )
        (self.root / f"{name}.html").write_text(inside, encoding="utf-8")
        return f"{self.site}/{name}.html"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(command: list[str | Path], ready: str, **how: object) -> Iterator[subprocess.Popen[bytes]]:
    """A program of this test's, from when it answers at `ready` until the end."""
    process = subprocess.Popen(command, start_new_session=True, **how)  # type: ignore[call-overload]

    def answers() -> bool:
        assert process.poll() is None, f"{command} ended"
        try:
            return httpx.get(ready, timeout=5).status_code < 500
        except httpx.TransportError:
            return False

    try:
        Served.until(answers, timeout_s=60)
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


def php(code: str) -> str:
    """What a PHP program prints."""
    done = subprocess.run(
        ["php", "-d", "display_errors=stderr"],
        input=code,
        env=QUIET,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return done.stdout


def an_account(place: Place) -> str:
    """The token of somebody's account, made by the PHP of docs/accounts.md; its key is where the server looks for it."""
    [code] = re.findall(r"```php\n(.*?)```", (ROOT / "docs/accounts.md").read_text(encoding="utf-8"), re.S)
    made = json.loads(
        php(
            f"<?php {code}"
            "$key = openssl_pkey_new(['private_key_bits' => 2048]);"
            "openssl_pkey_export($key, $pem);"
            "$rsa = openssl_pkey_get_details($key)['rsa'];"
            "echo json_encode(['n' => base64_encode($rsa['n']), 'e' => base64_encode($rsa['e']),"
            " 'token' => token_for('7', 'Nada of the site', $pem)]);"
        )
    )
    n, e = (made[part].translate(str.maketrans("+/", "-_", "=")) for part in "ne")
    keys = place.folder / "accounts.json"
    keys.write_text(
        json.dumps(
            {
                "keys": [
                    {"kty": "RSA", "n": n, "e": e, "kid": "2026-11", "use": "sig", "alg": "RS256"},
                ]
            }
        )
    )
    place.environment |= {
        "MEYDAN_ACCOUNT_KEYS": str(keys),
        "MEYDAN_ACCOUNT_ISSUER": "https://news.example",
        "MEYDAN_ACCOUNT_AUDIENCE": "comments.example",
    }
    return str(made["token"])


@contextmanager
def a_server(place: Place) -> Iterator[subprocess.Popen[bytes]]:
    """Section 1 of the page: guidelines, and a server."""
    (place.folder / "src").symlink_to(ROOT / "src")
    place.run("copy")
    guidelines = place.folder / "guidelines.toml"
    said, changes = re.subn(
        r"^origins = .*\n",
        lambda _: place.block("origins"),
        guidelines.read_text(encoding="utf-8"),
        flags=re.M,
    )
    assert changes == 1
    # This machine's pages are of two sites: one for nginx, one for PHP.
    guidelines.write_text(said.replace(place.site, "http://localhost"), encoding="utf-8")
    programs = place.folder / "programs"
    programs.mkdir()
    place.environment["PATH"] = f"{programs}{os.pathsep}{PATH}"
    with (
        warm.at_hand(programs),
        (place.folder / "served.txt").open("wb") as log,
        running(
            ["bash", "-e", "-c", place.block("serve")],
            f"{place.comments}/healthz",
            cwd=place.folder,
            env=place.environment,
            stdout=log,
            stderr=log,
        ) as process,
    ):
        yield process
    said = (place.folder / "served.txt").read_text()
    assert "no faults" in said
    assert f"{place.comments}/desk/sign-in?link=" in said


@contextmanager
def nginx(place: Place) -> Iterator[None]:
    """The server that makes the site's pages, as the page sets it up."""
    folder = place.folder / "nginx"
    folder.mkdir()
    block = place.block("include")
    for said, here in (
        ("listen 80;", f"listen 127.0.0.1:{place.site_port};"),
        ("root /var/www/news;", f"root {place.root};"),
        ("http://127.0.0.1:8080;", f"{place.comments};"),
    ):
        assert block.count(said) == 1, said
        block = block.replace(said, here)
    # For one page, the policy; nothing else is allowed there, so that what it needs is what the page says.
    header, policy = place.block("policy").strip().split(": ", 1)
    strict = f"location = /strict.html {{ add_header {header} \"default-src 'none'; {policy}\"; }}"
    block = block.replace("    ssi on;\n", f"    ssi on;\n    {strict}\n")
    # Only who may change its user reads the folder of a test otherwise.
    user = "user root;" if os.geteuid() == 0 else ""
    scratch = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    types = "types { text/html html; text/javascript js; text/css css; }"
    (folder / "nginx.conf").write_text(
        f"{user} daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; {types} {scratch}\n{block}}}\n"
    )
    command: list[str | Path] = [
        "nginx",
        "-p",
        folder,
        "-c",
        folder / "nginx.conf",
        "-e",
        folder / "error.log",
    ]
    with running(command, place.site, env=QUIET | {"PATH": PATH}):
        yield


@contextmanager
def wordpress(place: Place, token: str) -> Iterator[None]:
    """The plugin in a stand-in for WordPress: real PHP, and the functions that the plugin asks WordPress for, made up."""
    for file in PLUGIN.glob("*.php"):
        subprocess.run(["php", "-l", file], check=True, capture_output=True)
    with_token = place.block("wp-config-token")
    assert "meydan_token_…" in with_token
    config = place.folder / "wp-config.php"
    config.write_text("<?php\n" + place.block("wp-config") + with_token.replace("meydan_token_…", token))
    folder = shutil.copytree(PLUGIN, place.folder / "wp-content/plugins/meydan")
    environment = {
        "STAND_IN_CONFIG": str(config),
        "STAND_IN_PLUGIN": str(folder / "meydan.php"),
        "STAND_IN_SITE": place.php,
    }
    log = place.folder / "php.txt"
    with (
        log.open("wb") as told,
        running(
            ["php", "-S", f"127.0.0.1:{place.php_port}", HERE / "wordpress.php"],
            f"{place.php}/a-story",
            env=QUIET | environment,
            stdout=told,
            stderr=told,
        ),
    ):
        yield
    assert not re.search(r"(Warning|Notice|Deprecated|Fatal|Meydan did not)", log.read_text()), (
        log.read_text()
    )


def seen(page: Page) -> Locator:
    """The comments of a page: the form is there, and what was said before."""
    comments = page.locator("meydan-comments")
    expect(comments).to_have_count(1)
    expect(comments.locator("form.m-form")).to_be_visible()
    expect(comments.locator(".m-list")).to_contain_text(COURTEOUS)
    return comments


def send(form: Page | Locator, text: str) -> None:
    form.locator("form.m-form [name=name]").fill("Nada")
    form.locator("form.m-form [name=text]").fill(text)
    form.locator("form.m-form button[type=submit]").click()


@pytest.mark.browser
def test_every_block_of_embed_md_does_what_it_says(browser: Browser, tmp_path: Path) -> None:
    """If somebody follows docs/embed.md word for word, then comments and the form are on their pages; and no block is left untried."""
    missing = [package for command, package in PACKAGES.items() if not shutil.which(command, path=PATH)]
    if missing:
        pytest.fail(f"Needed and not installed: apt-get install {' '.join(missing)}", pytrace=False)
    place = Place(tmp_path)
    account = an_account(place)
    with a_server(place) as server, nginx(place):
        token = place.run("token").split()[0]
        told = json.loads(place.run("story", TOKEN=token))
        assert (told["url"], told["title"]) == (place.story, "A story")
        context, without = browser.new_context(), browser.new_context(java_script_enabled=False)
        for each in (context, without):
            each.set_default_timeout(15_000)
        page, plain = context.new_page(), without.new_page()
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))

        on_a_page(place, page, plain)
        in_the_server_s_page(place, page, plain)
        counted(place, page)
        from_the_right(place, page)
        in_a_site_s_clothes(place, page)
        under_a_policy(place, page)
        in_react(place, page)
        by_an_account(place, page, account)
        with wordpress(place, token):
            in_wordpress(place, page, plain)
        assert complaints == []

        # The page is there without its comments, too.
        end(server)
        Served.until(lambda: not listens(place.port))
        alone = httpx.get(f"{place.site}/included.html")
        assert alone.status_code == 200
        assert "An error" not in alone.text
        assert "Bad Gateway" not in alone.text
        assert f'<a href="{place.comments}/comments?story={quote(place.story, safe="")}">' in alone.text
        context.close()
        without.close()
    assert place.forgotten == set()


def on_a_page(place: Place, page: Page, plain: Page) -> None:
    address = place.put("page", place.block("page"))
    page.goto(address)
    comments = page.locator("meydan-comments")
    expect(comments.locator(".m-question")).to_have_text("What did you see?")
    send(comments, COURTEOUS)
    seen(page)
    # Without JavaScript: the link, and all that is needed behind it.
    plain.goto(address)
    plain.get_by_role("link", name="Comments").click()
    expect(plain.locator(".m-list")).to_contain_text(COURTEOUS)
    expect(plain.locator("h1")).to_have_text("A story")
    expect(plain.locator("form.m-form")).to_be_visible()


def in_the_server_s_page(place: Place, page: Page, plain: Page) -> None:
    address = place.put("included", place.block("included"))
    answer = httpx.get(address, headers={"accept-encoding": "gzip", "cookie": "mine=1"})
    assert COURTEOUS in answer.text
    assert 'itemtype="https://schema.org/Comment"' in answer.text
    assert "<!--#" not in answer.text
    assert "etag" not in answer.headers
    assert httpx.get(f"{place.site}/embed/comments", params={"story": place.story}).status_code == 404
    plain.goto(address)
    seen(plain)
    expect(plain.get_by_role("link", name="Comments", exact=True)).to_have_count(0)
    send(plain, ABUSIVE)
    expect(plain.locator("h1")).to_have_text("Your comment is not published.")
    page.goto(address)
    # Two in the document, one to be seen: the component's.
    expect(page.locator("form.m-form:visible")).to_have_count(1)
    assert not page.evaluate("document.querySelector('meydan-comments > .meydan').checkVisibility()")
    expect(page.locator(".m-list:visible")).to_contain_text(COURTEOUS)


def counted(place: Place, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(place.put("index", place.block("index")))
    rows = page.locator("li")
    expect(rows.nth(0)).to_have_text(re.compile(r"A story\s+\(\s*1\s*\)"))
    expect(rows.nth(1)).to_have_text(re.compile(r"Another\s+\(\s*0\s*\)"))
    assert len([url for url in asked if "/api/v1/counts" in url]) == 1
    assert json.loads(place.run("counts")) == {"counts": {place.story: 1, f"{place.site}/another": 0}}


def from_the_right(place: Place, page: Page) -> None:
    page.goto(place.put("language", place.block("language")))
    comments = seen(page)
    section = comments.locator("section.meydan")
    assert section.get_attribute("lang") == "ckb"
    assert section.evaluate("element => getComputedStyle(element).direction") == "rtl"


def in_a_site_s_clothes(place: Place, page: Page) -> None:
    # Not in the element's own page: the same page, and the stylesheet that the site gives it.
    themed = place.block("page").replace("</head>", f"<style>{place.block('theme')}</style></head>")
    page.goto(place.put("themed", themed))
    comments = seen(page)

    def style(of: Locator, what: str) -> str:
        return str(of.evaluate("(element, what) => getComputedStyle(element)[what]", what))

    accent = "rgb(11, 93, 59)"
    button = comments.get_by_role("button", name="Post a comment")
    assert (style(button, "color"), style(button, "borderTopLeftRadius")) == (accent, "6px")
    assert style(comments.locator("article").first, "borderLeftColor") == accent
    assert style(comments.locator("[part=name]").first, "fontStyle") == "italic"
    assert style(comments.locator("[part=text]").first, "fontFamily") == "Georgia, serif"
    parts = set(
        re.findall(r"`(\w+)`", (ROOT / "docs/embed.md").read_text().split("The parts are")[1].split(".")[0])
    )
    there = comments.evaluate(
        "e => [...e.shadowRoot.querySelectorAll('[part]')].map((one) => one.getAttribute('part'))"
    )
    assert parts == set(there)


def under_a_policy(place: Place, page: Page) -> None:
    answer = page.goto(place.put("strict", place.block("page")))
    assert answer is not None
    assert (answer.header_value("content-security-policy") or "").startswith("default-src 'none'; script-src")
    comments = seen(page)
    button = comments.get_by_role("button", name="Post a comment")
    assert button.evaluate("button => button.getBoundingClientRect().height") >= 44


def in_react(place: Place, page: Page) -> None:
    packages = npm.installed()
    (place.folder / "node_modules").symlink_to(packages)
    place.run("types")
    (place.folder / "Comments.tsx").write_text(place.block("react"))
    options: Mapping[str, object] = {
        "strict": True,
        "target": "es2022",
        "module": "es2022",
        "moduleResolution": "bundler",
        "jsx": "react-jsx",
        "types": ["react"],
        "outDir": str(place.root),
    }
    (place.folder / "tsconfig.json").write_text(
        json.dumps({"compilerOptions": options, "files": ["Comments.tsx"]})
    )
    checked = subprocess.run(
        [npm.TOOLS / "node", packages / "typescript/bin/tsc", "-p", place.folder],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
    for name in ("react", "react-dom"):
        shutil.copy(packages / name / f"umd/{name}.production.min.js", place.root / f"{name}-umd.js")
    (place.root / "react.js").write_text(REACT)
    (place.root / "jsx.js").write_text(JSX)
    page.goto(place.put("react", place.here(WITH_REACT)))
    seen(page)
    expect(page.locator("#root h2").first).to_have_text("What readers say: 1")


def by_an_account(place: Place, page: Page, account: str) -> None:
    block = place.block("account")
    assert "THE TOKEN" in block
    page.goto(place.put("account", block.replace("THE TOKEN", account)))
    comments = seen(page)
    expect(comments.locator("form.m-form [name=name]")).to_be_hidden()
    expect(comments.locator(".m-as")).to_contain_text("Nada of the site")
    comments.locator("[name=text]").fill("I have walked across that bridge every day for thirty years.")
    with page.expect_response(lambda answer: answer.request.method == "POST") as sent:
        comments.locator("button[type=submit]").click()
    assert sent.value.status == 201


def in_wordpress(place: Place, page: Page, plain: Page) -> None:
    comments = page.locator("meydan-comments")
    for address in ("a-story", "a-story?theme=blocks", "elsewhere", "elsewhere?theme=blocks", "hostile"):
        page.goto(f"{place.php}/{address}")
        expect(comments).to_have_count(1)
        expect(comments.locator("form.m-form")).to_be_visible()
        expect(page.locator("#commentform")).to_have_count(0)
    assert page.evaluate("window.broken") is None
    assert comments.get_attribute("story") == f'{place.php}/hostile?a=1&b="><script>window.broken=1</script>'
    # Where the author has put them: before what comes after.
    page.goto(f"{place.php}/elsewhere")
    assert page.evaluate("document.querySelector('.comments-area + #after') !== null")
    page.goto(f"{place.php}/draft")
    expect(page.locator("h1")).to_have_text("A draft")
    expect(comments).to_have_count(0)
    assert httpx.post(f"{place.php}/wp-comments-post.php").status_code == 403
    # Saved, it is registered; without JavaScript, it is a link away.
    assert httpx.get(f"{place.php}/save", params={"post": "a-story"}).text == "saved"
    plain.goto(f"{place.php}/a-story")
    plain.get_by_role("link", name="Comments").click()
    expect(plain.locator("h1")).to_have_text("A story")
    expect(plain.locator("form.m-form")).to_be_visible()
    send(plain, ABUSIVE)
    expect(plain.locator("h1")).to_have_text("Your comment is not published.")
