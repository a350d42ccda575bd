"""
The desk's pages: where moderators decide, and editors see that the promise is kept.

Server-rendered, and complete without a script. Every page that changes something is a form with the session's
CSRF token, sent from our own origin.

    frame      how every page is asked and answers, and with what right
    tongue     the language it speaks to whoever asks
    door       coming in and going out, and choosing that language
    issuer     coming in with the newsroom's own account
    account    one's own password, codes and sessions
    people     who works here, and the journal of what they did
    room       what waits, and deciding it
    live       what happens elsewhere while the room is looked at
    figures    how much comes, who decides it and how soon
    guidelines what is in force and was, trying the next version, and letting it take effect
    escalated  what is unlawful or a danger: the cases, and the record of each
    stories    how each story stands, when it takes comments and what readers are told there
    undelivered e-mails and notices that did not arrive
    finding    every comment by what is known of it, and deciding several at once
"""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler

from meydan.web.desk import (
    account,
    door,
    escalated,
    figures,
    finding,
    guidelines,
    issuer,
    people,
    room,
    stories,
    undelivered,
)
from meydan.web.desk.frame import Frame
from meydan.web.doors import Doors
from meydan.web.issuer import Issuer


def routes(doors: Doors) -> list[HTTPRouteHandler]:
    """Every page of the desk, for the application to include."""
    frame, meydan = Frame(doors), doors.meydan
    given = meydan.settings
    if given.issuer:
        back = f"{given.own_url}/desk/sign-in/back"
        frame.issuer = Issuer(
            given.issuer,
            given.issuer_client,
            given.issuer_secret,
            back=back,
            networks=given.outgoing_networks,
        )
    reading_room = room.Room(frame)
    rooms = room.pages(reading_room)
    way_in = door.Door(frame, rooms)
    return frame.handlers(
        [
            *door.pages(way_in),
            *issuer.pages(frame, way_in),
            *account.pages(frame),
            *people.pages(frame),
            *finding.pages(frame, reading_room),
            *figures.pages(frame),
            *stories.pages(frame),
            *guidelines.pages(frame, reading_room),
            *escalated.pages(frame, reading_room),
            *undelivered.pages(frame, meydan.letters, meydan.notices),
            *rooms,
        ]
    )
