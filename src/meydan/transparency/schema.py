"""
The fields of a statement of reasons, what each may hold, and a check of all of them before anything is written.

Pure. Names and limits are those of the database's own documentation; what this house never says (a payment that was
stopped, an account that was closed) is known all the same, so that the check is of the schema and not of ourselves.

Source: transparency.dsa.ec.europa.eu, documentation of its API and rules of its forms, as of 2025; Regulation (EU)
2022/2065, articles 17 and 24(5).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import Any, Final

VISIBILITY: Final = frozenset(
    f"DECISION_VISIBILITY_{name}"
    for name in (
        "CONTENT_REMOVED",
        "CONTENT_DISABLED",
        "CONTENT_DEMOTED",
        "CONTENT_AGE_RESTRICTED",
        "CONTENT_INTERACTION_RESTRICTED",
        "CONTENT_LABELLED",
        "OTHER",
    )
)
MONETARY: Final = frozenset(f"DECISION_MONETARY_{name}" for name in ("SUSPENSION", "TERMINATION", "OTHER"))
PROVISION: Final = frozenset(
    f"DECISION_PROVISION_{part}_{what}"
    for part in ("PARTIAL", "TOTAL")
    for what in ("SUSPENSION", "TERMINATION")
)
ACCOUNT: Final = frozenset({"DECISION_ACCOUNT_SUSPENDED", "DECISION_ACCOUNT_TERMINATED"})
ACCOUNT_TYPES: Final = frozenset({"ACCOUNT_TYPE_BUSINESS", "ACCOUNT_TYPE_PRIVATE"})
ILLEGAL: Final = "DECISION_GROUND_ILLEGAL_CONTENT"
INCOMPATIBLE: Final = "DECISION_GROUND_INCOMPATIBLE_CONTENT"
CONTENT_TYPES: Final = frozenset(
    f"CONTENT_TYPE_{name}"
    for name in ("TEXT", "IMAGE", "VIDEO", "AUDIO", "APP", "PRODUCT", "SYNTHETIC_MEDIA", "OTHER")
)
CATEGORIES: Final = frozenset(
    f"STATEMENT_CATEGORY_{name}"
    for name in (
        "ANIMAL_WELFARE",
        "CONSUMER_INFORMATION",
        "CYBER_VIOLENCE",
        "CYBER_VIOLENCE_AGAINST_WOMEN",
        "DATA_PROTECTION_AND_PRIVACY_VIOLATIONS",
        "ILLEGAL_OR_HARMFUL_SPEECH",
        "INTELLECTUAL_PROPERTY_INFRINGEMENTS",
        "NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS",
        "NOT_SPECIFIED_NOTICE",
        "OTHER_VIOLATION_TC",
        "PROTECTION_OF_MINORS",
        "RISK_FOR_PUBLIC_SECURITY",
        "SCAMS_AND_FRAUD",
        "SELF_HARM",
        "UNSAFE_AND_PROHIBITED_PRODUCTS",
        "VIOLENCE",
    )
)
KEYWORDS: Final = frozenset(
    f"KEYWORD_{name}"
    for name in (
        "ADULT_SEXUAL_MATERIAL",
        "CYBER_BULLYING_INTIMIDATION",
        "CYBER_HARASSMENT",
        "CYBER_HARASSMENT_AGAINST_WOMEN",
        "CYBER_INCITEMENT",
        "DEFAMATION",
        "DISCRIMINATION",
        "HATE_SPEECH",
        "HIDDEN_ADVERTISEMENT",
        "INCITEMENT_VIOLENCE_HATRED",
        "LANGUAGE_REQUIREMENTS",
        "MISINFORMATION_DISINFORMATION",
        "OTHER",
        "PHISHING",
        "TERRORIST_CONTENT",
    )
)
"""Of the schema's keywords, those that a comment can call for."""

COUNTRIES: Final = frozenset(
    [
        "AT",
        "BE",
        "BG",
        "CY",
        "CZ",
        "DE",
        "DK",
        "EE",
        "ES",
        "FI",
        "FR",
        "GR",
        "HR",
        "HU",
        "IE",
        "IS",
        "IT",
        "LI",
        "LT",
        "LU",
        "LV",
        "MT",
        "NL",
        "NO",
        "PL",
        "PT",
        "RO",
        "SE",
        "SI",
        "SK",
    ]
)
"""The European Union and the European Economic Area."""

LANGUAGES: Final = frozenset(
    [
        "AA",
        "AB",
        "AE",
        "AF",
        "AK",
        "AM",
        "AN",
        "AR",
        "AS",
        "AV",
        "AY",
        "AZ",
        "BA",
        "BE",
        "BG",
        "BI",
        "BM",
        "BN",
        "BO",
        "BR",
        "BS",
        "CA",
        "CE",
        "CH",
        "CO",
        "CR",
        "CS",
        "CU",
        "CV",
        "CY",
        "DA",
        "DE",
        "DV",
        "DZ",
        "EE",
        "EL",
        "EN",
        "EO",
        "ES",
        "ET",
        "EU",
        "FA",
        "FF",
        "FI",
        "FJ",
        "FO",
        "FR",
        "FY",
        "GA",
        "GD",
        "GL",
        "GN",
        "GU",
        "GV",
        "HA",
        "HE",
        "HI",
        "HO",
        "HR",
        "HT",
        "HU",
        "HY",
        "HZ",
        "IA",
        "ID",
        "IE",
        "IG",
        "II",
        "IK",
        "IO",
        "IS",
        "IT",
        "IU",
        "JA",
        "JV",
        "KA",
        "KG",
        "KI",
        "KJ",
        "KK",
        "KL",
        "KM",
        "KN",
        "KO",
        "KR",
        "KS",
        "KU",
        "KV",
        "KW",
        "KY",
        "LA",
        "LB",
        "LG",
        "LI",
        "LN",
        "LO",
        "LT",
        "LU",
        "LV",
        "MG",
        "MH",
        "MI",
        "MK",
        "ML",
        "MN",
        "MR",
        "MS",
        "MT",
        "MY",
        "NA",
        "NB",
        "ND",
        "NE",
        "NG",
        "NL",
        "NN",
        "NO",
        "NR",
        "NV",
        "NY",
        "OC",
        "OJ",
        "OM",
        "OR",
        "OS",
        "PA",
        "PI",
        "PL",
        "PS",
        "PT",
        "QU",
        "RM",
        "RN",
        "RO",
        "RU",
        "RW",
        "SA",
        "SC",
        "SD",
        "SE",
        "SG",
        "SI",
        "SK",
        "SL",
        "SM",
        "SN",
        "SO",
        "SQ",
        "SR",
        "SS",
        "ST",
        "SU",
        "SV",
        "SW",
        "TA",
        "TE",
        "TG",
        "TH",
        "TI",
        "TK",
        "TL",
        "TN",
        "TO",
        "TR",
        "TS",
        "TT",
        "TW",
        "TY",
        "UG",
        "UK",
        "UR",
        "UZ",
        "VE",
        "VI",
        "VO",
        "WA",
        "WO",
        "XH",
        "YI",
        "YO",
        "ZA",
        "ZH",
        "ZU",
    ]
)
"""ISO 639-1, in capitals, as the database writes them."""

SOURCES: Final = frozenset(
    {"SOURCE_ARTICLE_16", "SOURCE_TRUSTED_FLAGGER", "SOURCE_TYPE_OTHER_NOTIFICATION", "SOURCE_VOLUNTARY"}
)
AUTOMATED: Final = frozenset(f"AUTOMATED_DECISION_{name}" for name in ("FULLY", "PARTIALLY", "NOT_AUTOMATED"))
YES_OR_NO: Final = frozenset({"Yes", "No"})

SHORT: Final = 500
MIDDLE: Final = 2000
LONG: Final = 5000

_PUID = re.compile(r"[a-zA-Z0-9-_]{1,500}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_FIRST_DATE: Final = date(2020, 1, 1)

Check = Callable[[Any], bool]


def _one_of(known: Collection[str]) -> Check:
    return lambda value: isinstance(value, str) and value in known


def _some_of(known: Collection[str]) -> Check:
    return lambda value: (
        isinstance(value, list)
        and 0 < len(value) == len(set(map(str, value)))
        and all(isinstance(one, str) and one in known for one in value)
    )


def _text(limit: int) -> Check:
    return lambda value: isinstance(value, str) and len(value.strip()) > 0 and len(value) <= limit


def _day(value: Any) -> bool:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return False
    try:
        return date.fromisoformat(value) >= _FIRST_DATE
    except ValueError:
        return False


def _address(value: Any) -> bool:
    return _text(SHORT)(value) and str(value).startswith(("https://", "http://"))


FIELDS: Final[Mapping[str, Check]] = {
    "puid": lambda value: isinstance(value, str) and _PUID.fullmatch(value) is not None,
    "decision_visibility": _some_of(VISIBILITY),
    "decision_visibility_other": _text(SHORT),
    "end_date_visibility_restriction": _day,
    "decision_monetary": _one_of(MONETARY),
    "decision_monetary_other": _text(SHORT),
    "end_date_monetary_restriction": _day,
    "decision_provision": _one_of(PROVISION),
    "end_date_service_restriction": _day,
    "decision_account": _one_of(ACCOUNT),
    "account_type": _one_of(ACCOUNT_TYPES),
    "end_date_account_restriction": _day,
    "decision_ground": _one_of({ILLEGAL, INCOMPATIBLE}),
    "decision_ground_reference_url": _address,
    "illegal_content_legal_ground": _text(SHORT),
    "illegal_content_explanation": _text(MIDDLE),
    "incompatible_content_ground": _text(SHORT),
    "incompatible_content_explanation": _text(MIDDLE),
    "incompatible_content_illegal": _one_of(YES_OR_NO),
    "content_type": _some_of(CONTENT_TYPES),
    "content_type_other": _text(SHORT),
    "content_date": _day,
    "content_language": _one_of(LANGUAGES),
    "category": _one_of(CATEGORIES),
    "category_addition": _some_of(CATEGORIES),
    "category_specification": _some_of(KEYWORDS),
    "category_specification_other": _text(SHORT),
    "territorial_scope": _some_of(COUNTRIES),
    "application_date": _day,
    "decision_facts": _text(LONG),
    "source_type": _one_of(SOURCES),
    "source_identity": _text(SHORT),
    "automated_detection": _one_of(YES_OR_NO),
    "automated_decision": _one_of(AUTOMATED),
}
"""Every field, and whether what it holds may stand there."""

REQUIRED: Final = (
    "puid",
    "decision_ground",
    "content_type",
    "category",
    "content_date",
    "application_date",
    "decision_facts",
    "source_type",
    "automated_detection",
    "automated_decision",
)

RESTRICTIONS: Final = ("decision_visibility", "decision_monetary", "decision_provision", "decision_account")

_ENDS: Final = tuple(name for name in FIELDS if name.startswith("end_date_"))


def faults_of(statement: Mapping[str, Any]) -> Sequence[str]:
    """
    The names of all fields that the database would refuse, each once; none for a statement that it would take.

    None stands for a field that is left out.
    """
    given = {name: value for name, value in statement.items() if value is not None}
    faults = [name for name, value in given.items() if name not in FIELDS or not FIELDS[name](value)]
    needed = list(REQUIRED)
    if not any(name in given for name in RESTRICTIONS):
        needed.append(RESTRICTIONS[0])
    ground = given.get("decision_ground")
    if ground == ILLEGAL:
        needed += ["illegal_content_legal_ground", "illegal_content_explanation"]
    elif ground == INCOMPATIBLE:
        needed += ["incompatible_content_ground", "incompatible_content_explanation"]
    for name, chosen in (
        ("decision_visibility", "DECISION_VISIBILITY_OTHER"),
        ("decision_monetary", "DECISION_MONETARY_OTHER"),
        ("content_type", "CONTENT_TYPE_OTHER"),
        ("category_specification", "KEYWORD_OTHER"),
    ):
        values = given.get(name)
        if values == chosen or (isinstance(values, list) and chosen in values):
            needed.append(f"{name}_other")
    faults += [name for name in needed if name not in given]
    begins = given.get("application_date")
    faults += [
        name
        for name in _ENDS
        if name in given and _day(given[name]) and _day(begins) and given[name] < str(begins)
    ]
    return list(dict.fromkeys(faults))
