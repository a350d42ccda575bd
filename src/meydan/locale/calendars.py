"""
Which day it is in the calendar that a newsroom goes by.

Pure arithmetic over days; the words for months are in the catalogues.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

SOLAR: Final[Mapping[str, int]] = MappingProxyType({"jalali": 0, "kurdish": 1321})
"""
The calendars whose year begins at Nowruz, and how many years each counts beyond the Jalali year.

The Kurdish year counts from 700 BC: 2724 began at Nowruz 2024, which opened the year 1403. Both have the same months
under names of their own: six of 31 days, five of 30, the last of 29 or, in a leap year, 30.
"""

_FIRST_DAY: Final = date(622, 3, 21).toordinal()
"""The first day of the Jalali year 1, counted back by the rule below (in proleptic Gregorian days)."""


def day_in(calendar: str, day: date) -> tuple[int, int, int]:
    """
    Year, month (1 to 12) and day of a day, in a calendar: "gregorian" or one of SOLAR.

    Source: the 33-year rule of leap years. Day by day it is what ICU 76 says, and so what browsers show, from 1800 to
    2123; in 2124 and 2157 the equinox at Tehran opens the year a day earlier.
    """
    if calendar not in SOLAR:
        return day.year, day.month, day.day
    year = day.year - 621
    if day.toordinal() < _new_year(year):
        year -= 1
    past = day.toordinal() - _new_year(year)
    month, rest = divmod(past, 31) if past < 186 else divmod(past - 186, 30)
    return year + SOLAR[calendar], month + (1 if past < 186 else 7), rest + 1


def _new_year(year: int) -> int:
    """The day (as an ordinal) on which a Jalali year begins."""
    return _FIRST_DAY + 365 * (year - 1) + (8 * year + 21) // 33
