"""
The sample newsroom: a small newspaper to try Meydan on.

`pages` is the newspaper, ready to be served beside the doors; `seed` fills its
comment sections through the desk, the way readers and a moderator would.
"""

from meydan.demo.newsroom import (
    EDITOR,
    MODERATOR,
    SampleStory,
    address_of,
    desk_link,
    load_stories,
    pages,
    same_port,
    seed,
)

__all__ = [
    "EDITOR",
    "MODERATOR",
    "SampleStory",
    "address_of",
    "desk_link",
    "load_stories",
    "pages",
    "same_port",
    "seed",
]
