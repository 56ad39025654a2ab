"""This is how hypothesis runs here: the same examples everywhere, no database, no clock."""

from typing import Final

from hypothesis import settings

STEADY: Final = settings(derandomize=True, database=None, deadline=None, max_examples=150)
