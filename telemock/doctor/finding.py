"""This is what one check found: a verdict, a sentence, and what to do next.

It refuses to be fit for a terminal: texts quote what servers and variables said, as they said it.
"""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report; `next_step` is empty where there is nothing to do."""

    name: str
    verdict: Verdict
    said: str
    next_step: str = ""


def ok(name: str, said: str) -> Finding:
    """Say that a client would meet no obstacle here."""
    return Finding(name, "ok", said)


def warning(name: str, said: str, next_step: str) -> Finding:
    """Say that some clients would meet an obstacle."""
    return Finding(name, "warning", said, next_step)


def failed(name: str, said: str, next_step: str) -> Finding:
    """Say that clients cannot get through."""
    return Finding(name, "failed", said, next_step)


def skipped(name: str, because: str) -> Finding:
    """Say that a check was not made, as it needs what another one did not find."""
    return Finding(name, "skipped", f"Not tried, as it needs {because}.")
