"""What a rule is by which something sensitive is known: by its form, or by its form and the name of its field."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

Sensitivity = Literal[
    "card_number",
    "cloud_account",
    "cloud_instance",
    "email",
    "host_name",
    "ip_address",
    "mac_address",
    "path",
    "phone_number",
    "secret",
    "user_name",
]
SENSITIVITIES: tuple[Sensitivity, ...] = get_args(Sensitivity)
Confidence = Literal["low", "medium", "high"]


Accepts = Callable[[str, str], bool]


def anything(_found: str, _before: str) -> bool:
    """Return True: the pattern says it all."""
    return True


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """How one kind of thing is known.

    Attributes:
        sensitivity: what it is.
        confidence: how sure that is.
        pattern: what it looks like; its group `it`, if it has one, is the thing itself.
        needs: what is in each text that the pattern finds something in, as RE2 writes it: with many of these one
            search tells by which rules to look; in all texts when it is empty.
        hint: only in fields of such names; see `telemock.analysis.names.words_of`.
        accepts: tells what a pattern cannot; see `telemock.analysis.plausible`.
        goes_on: what more of it may stand behind what the pattern found at its longest; None where that is nothing.
    """

    sensitivity: Sensitivity
    confidence: Confidence
    pattern: re.Pattern[str]
    needs: str = ""
    hint: re.Pattern[str] | None = None
    accepts: Accepts = anything
    goes_on: re.Pattern[str] | None = None


def form(pattern: str, *, any_case: bool = False) -> re.Pattern[str]:
    """Write a pattern for texts in which letters and digits are those of ASCII."""
    return re.compile(pattern, re.IGNORECASE | re.ASCII if any_case else re.ASCII)


def named(words: str) -> re.Pattern[str]:
    """Write a pattern for names that end in one of some words."""
    return re.compile(rf"(?:^| )(?:{words})$")
