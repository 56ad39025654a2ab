"""This is how a profile reads what a product sends: names, values, what does not fit, and who is speaking.

It refuses to decide what is answered, and to change a value: what does not fit is named and kept.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any, NamedTuple

from marshmallow import Schema, ValidationError, fields

from telemock.codings import decode_pair
from telemock.exchange import compact_json, json_string, utc_milliseconds
from telemock.remembered import Remembered

# Products repeat most of their values from ping to ping, so queries are read in pieces of about this many characters,
# whole pairs each, and a piece that was read before need not be read again.
_PIECES = re.compile(r"[^&].{0,159}[^&]*", re.DOTALL)

MAX_PROBLEMS = 100


class Identity(NamedTuple):
    """Who speaks; each None when the product did not say. `client_time` is UTC ISO 8601 with milliseconds."""

    version: str | None = None
    guid: str | None = None
    env: str | None = None
    session_id: str | None = None
    client_time: str | None = None


_NOBODY = Identity()


@dataclass(slots=True)
class Reading:
    """What a request says, as the profile understands it.

    Attributes:
        params: JSON object text of the decoded query; a repeated name is an array.
        problems: one sentence for each value that does not fit, at most MAX_PROBLEMS.
        identity: who speaks.
    """

    params: str
    problems: tuple[str, ...]
    identity: Identity


_NOTHING = Reading("{}", (), _NOBODY)

_Names = tuple[tuple[str, ...], ...]
_Telling = tuple[tuple[tuple[str, str], ...], ...]


class _Pair(NamedTuple):
    """A name and its value: as a member of a JSON object, what is wrong, and both when they may tell who speaks."""

    name: str
    member: str
    problem: str | None
    telling: tuple[str, str] | None


class _Piece(NamedTuple):
    """What the pairs say that stand together in a query."""

    names: tuple[str, ...]
    members: str
    problems: tuple[str, ...]
    telling: tuple[tuple[str, str], ...]


class Profile:
    """What telemock knows of one product.

    Args:
        name: as stored in `Exchange.profile`.
        hosts: names the product calls, lower case, the first first.
        schema: the fields the product sends, as text or as JSON values; their data keys are the wire's names.
        path_prefix: paths of the product, for clients that name telemock itself as the host.
        identity_names: for each field of Identity the names that may carry it, the best first.
        meanings: what fields say, in words, by their names on the wire; `fc.*` is all that begin with `fc.`.
        title: what people call it; its name when that is left out.

    Attributes:
        telling: names of the fields that may tell who speaks, each once.
    """

    def __init__(
        self,
        name: str,
        *,
        hosts: Iterable[str],
        path_prefix: str,
        schema: Schema,
        identity_names: Mapping[str, tuple[str, ...]],
        meanings: Mapping[str, str] | None = None,
        title: str = "",
    ) -> None:
        self.name = name
        self.title = title or name
        self.hosts = tuple(hosts)
        self._path_prefix = path_prefix
        self._meanings = meanings or {}
        self._families = {name[:-1]: meaning for name, meaning in self._meanings.items() if name.endswith("*")}
        self._fields = {field.data_key or key: field for key, field in schema.load_fields.items()}
        self._tellers = [
            (place, name, time_text if key == "client_time" else _searchable)
            for place, key in enumerate(Identity._fields)
            for name in identity_names.get(key, ())
        ]
        self._telling = self._names_wanted(_NOBODY)
        self.telling = tuple(dict.fromkeys(name for _, name, _ in self._tellers))
        self._pairs = Remembered(self._read_pair, most=8192, longest=256)
        self._pieces = Remembered(self._read_piece, most=1024, longest=4096)
        self._repeats = Remembered(_is_repeated, most=64, longest=2048)
        # By type as well, since 1 == True == 1.0.
        self._verdicts: Mapping[type, Remembered[tuple[str, Any], str | None]] = {
            type_: Remembered(lambda asked: self._find_problem(*asked), most=4096, longest=256) for type_ in (str, int)
        }
        self._identities = Remembered(self._find_identity, most=256, longest=4096)

    def owns(self, host: str, path: str) -> bool:
        """Tell whether a request is the product's: by its host, or by its path."""
        return host in self.hosts or path.startswith(self._path_prefix)

    def meaning(self, name: str) -> str | None:
        """Say in words what a field says; None when the profile does not know it."""
        return self._meanings.get(name) or next(
            (meaning for family, meaning in self._families.items() if name.startswith(family)), None
        )

    def is_amount(self, name: str) -> bool:
        """Tell whether a field is known to hold whole numbers that are no times."""
        field = self._fields.get(name)
        if field is None:
            family = next((family for family in self._families if name.startswith(family)), None)
            field = next((each for key, each in self._fields.items() if family and key.startswith(family)), None)
        return isinstance(field, fields.Integer)

    def read_query(self, query: str) -> Reading:
        """Decode a raw query (`&` between pairs, UTF-8 percent-encoding, `+` is a space); never fails.

        A byte that is not UTF-8 becomes U+FFFD here; the raw query keeps it.
        """
        pieces = [self._pieces[text] for text in _PIECES.findall(query)]
        if not pieces:
            return _NOTHING
        names, members, problems, telling = zip(*pieces, strict=True)
        return Reading(
            _params_with_arrays(query) if self._repeats[names] else "{" + ",".join(members) + "}",
            tuple(chain.from_iterable(problems))[:MAX_PROBLEMS] if any(problems) else (),
            self._identities[telling],
        )

    def read_events(self, events: Iterable[Mapping[str, Any]], said: Reading) -> Reading:
        """Add to what the query said what the events say: their problems, and identity that was missing."""
        problems = list(said.problems)
        identity = said.identity
        wanted = self._telling if identity == _NOBODY else self._names_wanted(identity)
        for number, event in enumerate(events, 1):
            if not wanted.isdisjoint(event):
                identity = self._identity(event, identity)
                wanted = self._names_wanted(identity)
            if len(problems) < MAX_PROBLEMS:
                for name, value in event.items():
                    if name in self._fields and (problem := self._problem(name, value)) is not None:
                        problems.append(f"event {number}: {problem}")
        return Reading(said.params, tuple(problems[:MAX_PROBLEMS]), identity)

    def _read_piece(self, text: str) -> _Piece:
        pairs = [self._pairs[pair] for pair in text.split("&") if pair]
        names, members, problems, telling = zip(*pairs, strict=True)
        return _Piece(names, ",".join(members), tuple(filter(None, problems)), tuple(filter(None, telling)))

    def _read_pair(self, text: str) -> _Pair:
        name, value = decode_pair(text)
        telling = (name, value) if name in self._telling else None
        return _Pair(name, f"{json_string(name)}:{json_string(value)}", self._find_problem(name, value), telling)

    def _problem(self, name: str, value: object) -> str | None:
        """Say what is wrong with a value of an event; texts and whole numbers, which events repeat, are remembered."""
        verdicts = self._verdicts.get(type(value))
        return self._find_problem(name, value) if verdicts is None else verdicts[name, value]

    def _find_problem(self, name: str, value: object) -> str | None:
        field = self._fields.get(name)
        if field is None:
            return None
        try:
            field.deserialize(value, name)
        except ValidationError as error:
            shown = repr(value) if len(repr(value)) <= 80 else repr(value)[:77] + "..."
            return f"{name}: {' '.join(map(str, error.messages))} Got {shown}."
        return None

    def _identity(self, said: Mapping[str, object], known: Identity = _NOBODY) -> Identity:
        """Add to what is known of who speaks what else is said; of several names that may say it the best."""
        found = [*known]
        for place, name, read in self._tellers:
            if name in said and found[place] is None and (text := _as_text(said[name])):
                found[place] = read(text)
        return Identity(*found)

    def _names_wanted(self, identity: Identity) -> frozenset[str]:
        """Give the names that may say what is not known yet."""
        return frozenset(name for place, name, _ in self._tellers if identity[place] is None)

    def _find_identity(self, telling: _Telling) -> Identity:
        """Find who speaks, from names and values piece by piece; of a repeated name the first value counts."""
        return self._identity(dict(reversed([*chain.from_iterable(telling)])))


def time_text(value: str) -> str | None:
    """Read a client's clock: digits of epoch milliseconds, or ISO 8601 (UTC unless it says); None when neither."""
    try:
        if value.isdigit():
            return utc_milliseconds(int(value))
        moment = datetime.fromisoformat(value[:64])
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _searchable(text: str) -> str | None:
    """Take what a person can search for: printable text, of sensible length."""
    text = text[:256]
    return text if text.isprintable() else None


def _is_repeated(names: _Names) -> bool:
    """Tell whether any name stands twice, in one piece or in several."""
    return len(set(chain.from_iterable(names))) < sum(map(len, names))


def _params_with_arrays(query: str) -> str:
    values: dict[str, list[str]] = {}
    for text in filter(None, query.split("&")):
        name, value = decode_pair(text)
        values.setdefault(name, []).append(value)
    return compact_json({name: each if len(each) > 1 else each[0] for name, each in values.items()})


def _as_text(value: object) -> str | None:
    """Give a JSON scalar as the text that a query would hold."""
    return str(value) if type(value) in (str, int, float) else None
