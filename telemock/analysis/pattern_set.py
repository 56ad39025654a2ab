"""Which of many patterns occur in a text, told by one search in time linear in it; see `re2.Set`."""

from collections.abc import Sequence

import re2


class PatternSet:
    """Patterns that are looked for together, in the order given.

    Nothing that is counted in them should begin anew within itself, or there are too many states to remember, and it
    takes a hundred times as long.

    Args:
        patterns: in RE2's syntax; what is a letter or a digit is so in ASCII.
    """

    def __init__(self, *patterns: str) -> None:
        self._set = re2.Set.SearchSet()
        for pattern in patterns:
            self._set.Add(pattern)
        self._set.Compile()

    def found_in(self, text: str | bytes) -> Sequence[int]:
        """Return the places of those that occur in a text, in no order."""
        return self._set.Match(text if isinstance(text, bytes) else _encoded(text)) or ()


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="backslashreplace")
