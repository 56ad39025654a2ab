"""This is how the command line names a set of exchanges: a version, an instance, a time, or a database of their own.

It refuses to guess: what could be two things is the first of them that there is, and a word in front decides.
"""

import re
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import click

from telemock.cli.options import MOMENT
from telemock.errors import InvalidSetting
from telemock.store.engine import locate
from telemock.store.filters import Filters
from telemock.store.reader import open_reader

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_WORDS = ("version", "instance", "time", "file")
_ENDINGS = (".db", ".sqlite", ".sqlite3")
_VERSIONS_TOLD = 8


@dataclass(frozen=True, slots=True)
class Side:
    """A set of exchanges.

    Attributes:
        name: as it was given.
        path: of the database.
        filters: which in it.
    """

    name: str
    path: Path
    filters: Filters


def find_sides(names: tuple[str, str], path: Path, filters: Filters) -> tuple[Side, Side]:
    """Find what two names mean in a database, or as databases; a time splits: before it, and from it on.

    Raises:
        InvalidSetting: one of them means nothing, or what a filter says, too.
        StoreError: the database cannot be read.
    """
    first, second = (_find(name, path, filters, is_first=place == 0) for place, name in enumerate(names))
    return first, second


def parted(moment: str) -> tuple[str, str]:
    """Name what came before a moment, and what came since.

    Raises:
        InvalidSetting: it is none.
    """
    text = moment.removeprefix("time:")
    times = _times(text, is_first=True)
    if ".." in text or [*times] != ["until"]:
        raise InvalidSetting(f"{moment!r} is to be compared with something; give B, or a moment that parts A from B.")
    return f"time:..{times['until']}", f"time:{times['until']}.."


def _find(name: str, path: Path, filters: Filters, *, is_first: bool) -> Side:
    word, colon, rest = name.partition(":")
    said = word if colon and word in _WORDS else ""
    value = rest if said else name
    if said == "file" or (not said and _is_file(value)):
        return Side(name, locate(value), filters)
    if said in ("", "version", "instance") and (chosen := _stored(value, path, said)):
        return Side(name, path, _with(filters, **chosen))
    if said in ("", "time") and (times := _times(value, is_first=is_first)):
        return Side(name, path, _with(filters, **times))
    raise InvalidSetting(f"{name!r} is no {said or 'version, instance, time or database'} here; {_known(path)}.")


def _is_file(name: str) -> bool:
    """Tell a file that is there, or that is written as only files are."""
    if "/" in name or name.endswith(_ENDINGS):
        return True
    try:
        return Path(name).is_file()
    except OSError:
        return False  # longer than names of files are


def _with(filters: Filters, **chosen: str) -> Filters:
    """Narrow filters down.

    Raises:
        InvalidSetting: they say the same thing already.
    """
    for name in chosen:
        if getattr(filters, name) is not None:
            raise InvalidSetting(f"--{name} cannot be used where what is compared says it, too.")
    return replace(filters, **chosen)  # type: ignore[arg-type]  # the names are those of texts


def _stored(value: str, path: Path, said: str) -> dict[str, str]:
    """Find a version, by its whole name or its only beginning, or an instance."""
    with open_reader(path) as reader:
        versions = [version for version, _ in reader.versions()] if said != "instance" else []
        beginning = [version for version in versions if re.match(rf"{re.escape(value)}(?![0-9A-Za-z])", version)]
        if value in versions or len(beginning) == 1:
            return {"version": value if value in versions else beginning[0]}
        if said != "version" and reader.count(Filters(guid=value)):
            return {"guid": value}
    return {}


def _times(value: str, *, is_first: bool) -> dict[str, str]:
    """Read a time: a day, a moment, or from one to another; empty when it is none."""
    since, dots, until = value.partition("..")
    try:
        if dots:
            given = {"since": since and MOMENT.convert(since, None, None), "until": until and _end(until)}
        elif _DAY.fullmatch(value):
            given = {"since": MOMENT.convert(value, None, None), "until": _end(value)}
        else:
            given = {"until" if is_first else "since": MOMENT.convert(value, None, None)}
    except (click.BadParameter, ValueError, OverflowError):
        return {}
    return {name: moment for name, moment in given.items() if moment}


def _end(text: str) -> str:
    """Give where something ends: a day with its last moment."""
    day = date.fromisoformat(text) + timedelta(days=1) if _DAY.fullmatch(text) else text
    return MOMENT.convert(day, None, None)


def _known(path: Path) -> str:
    with open_reader(path) as reader:
        versions = [version for version, _ in reader.versions()]
    if not versions:
        return f"no exchange in {path} has a version"
    more = f" and {len(versions) - _VERSIONS_TOLD} before" if len(versions) > _VERSIONS_TOLD else ""
    return f"{path} has {', '.join(versions[-_VERSIONS_TOLD:])}{more}"
