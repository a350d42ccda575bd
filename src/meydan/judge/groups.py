"""
The names of peoples, faiths, orientations and conditions, in English, as neutral speech has them.

Naming a group is no violation, and abuse is the same sentence whichever group it
names. So the classifier reads each sentence with the names taken out, and only
then asks which group it is about. Insulting names are not here: those are abuse.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_NAMES = """
    woman women female females girl girls wife wives mother mothers lady ladies feminist feminists
    gay gays lesbian lesbians bisexual bisexuals homosexual homosexuals queer queers trans transgender transsexual
    transsexuals lgbt lgbtq lgbtqi
    black blacks white whites brown asian asians african africans latino latinos latina latinas hispanic hispanics
    arab arabs kurd kurds kurdish turk turks turkish turkmen turkoman turkomans turkmens persian persians iranian
    iranians iraqi iraqis syrian syrians afghan afghans pakistani pakistanis indian indians bangladeshi bangladeshis
    chinese japanese korean koreans vietnamese filipino filipinos somali somalis sudanese nigerian nigerians egyptian
    egyptians moroccan moroccans algerian algerians tunisian tunisians libyan libyans ethiopian ethiopians eritrean
    eritreans lebanese palestinian palestinians jordanian jordanians saudi saudis yemeni yemenis israeli israelis
    armenian armenians assyrian assyrians chaldean chaldeans syriac syriacs greek greeks russian russians ukrainian
    ukrainians polish romanian romanians albanian albanians bulgarian bulgarians serb serbs bosnian bosnians
    american americans mexican mexicans german germans french british english irish italian italians spanish
    european europeans roma romani gypsies aboriginal aboriginals indigenous
    immigrant immigrants migrant migrants refugee refugees foreigner foreigners newcomer newcomers expat expats
    muslim muslims islamic sunni sunnis shia shias shiite shiites sufi sufis alawite alawites alevi alevis ahmadi
    ahmadis christian christians catholic catholics protestant protestants  evangelical evangelicals copt copts
    coptic mormon mormons jew jews jewish hindu hindus sikh sikhs buddhist buddhists yazidi yazidis yezidi yezidis
    ezidi ezidis kakai kakais zoroastrian zoroastrians bahai bahais druze mandaean mandaeans atheist atheists
    disabled blind deaf autistic autists wheelchair amputee amputees epileptic epileptics bipolar schizophrenic
    schizophrenics dyslexic dwarf dwarfs paralysed paralyzed handicapped
    """

GROUP_NAMES: Final = frozenset(_NAMES.split())

_COMPANIONS = """
    people person persons man men woman women boy boys girl girls child children kid kids folk folks community
    communities user users seeker seekers student students
    """

COMPANIONS: Final = frozenset(_COMPANIONS.split())
"""What a group's name often brings along; taken out with it."""

BLANK: Final = "\ue000"
"""What stands in a sentence for the name of a group: a private-use character, so no word of a reader's is this."""


def without_names(words: Sequence[str]) -> list[tuple[str, int]]:
    """
    Words with one blank for each group that they name.

    Returns:
        (word, number): the word or BLANK, and how many of `words` it stands for.
    """
    out: list[tuple[str, int]] = []
    for word in words:
        after_blank = bool(out) and out[-1][0] == BLANK
        if after_blank and (word in GROUP_NAMES or word in COMPANIONS):
            out[-1] = (BLANK, out[-1][1] + 1)
        else:
            out.append((BLANK if word in GROUP_NAMES else word, 1))
    return out
