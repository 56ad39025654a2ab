"""Secrets that are numbers in JSON: what stands for one is a string, so that JSON stays JSON, and its fields fields."""

import json
import re
from collections.abc import Callable, Collection
from typing import Final

# A string, which ends with its line at the latest, or a number.
_STRING_OR_NUMBER: Final = re.compile(r'"(?:[^"\\\n]|\\.)*+"?|-?[0-9][0-9.eE+-]*')

_JSON_BEGINS: Final = ("{", "[")


def is_json_number(text: str) -> bool:
    """Return whether a text may be a number as JSON writes it."""
    return not text.startswith('"') and _STRING_OR_NUMBER.fullmatch(text) is not None


def conceal_numbers(text: str, numbers: Collection[str], conceal: Callable[[str], str]) -> str:
    """Conceal numbers in JSON, also in JSON that is one of its strings.

    Args:
        text: JSON, or what begins as JSON does.
        numbers: as they are written; outside of strings, one is a whole number there, and inside of them any part.
        conceal: gives what stands for one.
    """
    anywhere = re.compile("|".join(map(re.escape, sorted(numbers, key=len, reverse=True))))

    def concealed(found: re.Match[str]) -> str:
        token = found[0]
        if not token.startswith('"'):
            return f'"{conceal(token)}"' if token in numbers else token
        if anywhere.search(token) is None:
            return token
        inside = _json_inside(token)
        if inside is not None:
            return json.dumps(conceal_numbers(inside, numbers, conceal))
        return anywhere.sub(lambda number: conceal(number[0]), token)

    return _STRING_OR_NUMBER.sub(concealed, text)


def _json_inside(token: str) -> str | None:
    """Return the JSON that a string of JSON is; None for any other text."""
    try:
        value = json.loads(token, strict=False)
    except ValueError:
        return None
    return value if value.lstrip().startswith(_JSON_BEGINS) else None
