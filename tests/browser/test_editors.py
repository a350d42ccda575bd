"""What editors set at the desk in a real browser, and what readers see of it: with the component in English, without JavaScript in Sorani."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from meydan.locale import words
from tests.browser.test_component import UNHURRIED, say
from tests.browser.test_people import go, look, reach, write
from tests.browser.test_reader import embedded
from tests.newsroom import COURTEOUS, newsroom

pytestmark = pytest.mark.browser

ASKED = "What would you have built? «پرد»"


def test_readers_see_what_editors_set(browser: Browser, tmp_path: Path) -> None:
    """
    If an editor asks a question, closes a story with a reason, opens it later, takes no guests, chooses a comment and answers it,
    all by keyboard at the desk, then readers see each in their language, with the component and without JavaScript.
    """
    mail = {"mail_server": "smtp://127.0.0.1:9", "mail_from": "comments@square.example"}
    with newsroom(tmp_path, **UNHURRIED, **mail) as room, ExitStack() as stack:
        story = f"{room.url}/stories/set"
        comment = say(room, story, COURTEOUS)
        room.meydan.staff.add_moderator("Leyla", role="editor")
        contexts = [
            browser.new_context(base_url=room.url, locale=locale, viewport=size, java_script_enabled=scripted)  # type: ignore[arg-type]
            for locale, size, scripted in (
                ("ckb", {"width": 1280, "height": 900}, True),
                ("en", {"width": 1280, "height": 900}, True),
                ("ckb", {"width": 360, "height": 740}, False),
            )
        ]
        for context in contexts:
            stack.callback(context.close)
            context.set_default_timeout(10_000)
        editor, reader, plain = (context.new_page() for context in contexts)
        with embedded(room, story) as site:
            editor.goto(f"/desk/sign-in?link={room.link('Leyla')}")
            go(editor.locator("main button[type=submit]").first)
            expect(editor.locator("main h1")).to_be_visible()
            thread, english, sorani = reader.locator("meydan-comments"), words("en"), words("ckb")

            def change(fields: dict[str, str], *, takes: str | None = None) -> None:
                editor.goto(f"/desk/stories/change?story={story}")
                if takes:
                    reach(editor.locator("[name=open]:checked"))
                    editor.keyboard.press("ArrowDown" if takes == "no" else "ArrowUp")
                    expect(editor.locator(f"[name=open][value={takes}]")).to_be_checked()
                for field, typed in fields.items():
                    place = editor.locator(f"#{field}")
                    if field.endswith("_at"):
                        # A browser's own fields for a time differ in what each key does.
                        place.fill(typed)
                    elif field == "guests":
                        place.select_option(typed)
                    else:
                        reach(place)
                        editor.keyboard.press("Control+A")
                        editor.keyboard.press("Delete")
                        write(place, typed)
                go(editor.locator("main form button[type=submit]"))
                expect(editor.locator(".flash")).to_be_visible()
                reader.goto(site)
                expect(thread.locator("section.meydan")).to_be_visible()
                plain.goto(f"/comments?story={story}&lang=ckb")

            def both(selector: str) -> tuple[Locator, Locator]:
                return thread.locator(selector), plain.locator(selector)

            change({"question": ASKED})
            for place in both("p.m-question"):
                expect(place).to_have_text(ASKED)
            look(editor)

            change({"closed_reason": "The trial begins."}, takes="no")
            for place, said in zip(both(".m-post"), (english, sorani), strict=True):
                expect(place).to_contain_text(said["closed"])
                expect(place).to_contain_text(said.fill("closed_reason", reason="The trial begins."))
            for place in both("form.m-form, [data-reply], [data-jump]"):
                expect(place).to_have_count(0)
            look(reader)

            change({"opens_at": "2099-03-01T09:30"}, takes="yes")
            for place, said in zip(both("#meydan-post-title"), (english, sorani), strict=True):
                expect(place).to_contain_text(said["opens_on"].partition("{")[0].strip())
            for place in both("form.m-form"):
                expect(place).to_have_count(0)
            look(reader, plain.url)

            change({"opens_at": "", "guests": "off"})
            for place, said in zip(both(".m-post .m-who.m-none"), (english, sorani), strict=True):
                expect(place).to_have_text(said["errors.R123"])
            expect(thread.locator("form")).to_be_hidden()
            expect(plain.locator("form")).to_have_count(0)

            change({"guests": "verified"})
            for place in both("[name=email]"):
                expect(place).to_have_attribute("required", "")
            write(plain.locator("[name=name]"), "Zîn")
            write(plain.locator("[name=text]"), COURTEOUS)
            plain.locator("form").evaluate("form => { form.noValidate = true }")
            go(plain.locator(".m-send button"))
            expect(plain.locator("#meydan-email-problem")).to_have_text(sorani["missing_email"])
            expect(plain.locator("[name=email]")).to_have_attribute("required", "")
            expect(plain.locator("[name=text]")).to_have_value(COURTEOUS)

            editor.goto(f"/desk/comments/{comment}")
            editor.wait_for_selector(".keys[data-settled]", state="attached")
            editor.keyboard.press("p")
            expect(editor.locator("#pick button[value='0']")).to_be_visible()
            go(editor.locator("details:has(#answer) summary"))
            write(editor.locator("#answer"), "The dam is from 1974.")
            go(editor.locator("form:has(#answer) button"))
            expect(editor.locator("#words")).to_contain_text("1974")
            look(editor)
            reader.goto(site)
            plain.goto(f"/comments?story={story}&lang=ckb")
            for root, said in ((thread, english), (plain.locator("main"), sorani)):
                expect(root.locator("p.m-pick")).to_have_text(said["picked"])
                answer = root.locator(".m-replies > li")
                expect(answer).to_contain_text("The dam is from 1974.")
                badge = said["badge_staff"].replace("{publication}", "The Square")
                expect(answer.locator(".m-badge")).to_have_text(badge)
                go(root.locator(".m-picks a"))
                expect(root.locator("article")).to_have_count(1)
            look(reader)
