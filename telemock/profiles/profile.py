"""This is how a profile reads what a product sends: names, values, what does not fit, and who is speaking.

It refuses to decide what is answered, and to change a value: what does not fit is named and kept.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from marshmallow import Schema, ValidationError

from telemock.exchange import compact_json

# Products repeat most of their values from ping to ping: what was read once is remembered, up to about this
# much, so that a hostile client cannot fill the memory.
_REMEMBERED_PAIRS = 16_384
_REMEMBERED_CHARACTERS = 2**20

# Longer queries are no product's: which names they have, and who speaks, is found anew each time.
_USUAL_CHARACTERS = 4096
_USUAL_PAIRS = 256

MAX_PROBLEMS = 100

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Identity(NamedTuple):
    """Who speaks; each None when the product did not say. `client_time` is UTC ISO 8601 with milliseconds."""

    version: str | None = None
    guid: str | None = None
    env: str | None = None
    session_id: str | None = None
    client_time: str | None = None


_NOBODY = Identity()


class Reading(NamedTuple):
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


class Profile:
    """What telemock knows of one product.

    Args:
        name: as stored in `Exchange.profile`.
        hosts: names the product calls, lower case.
        schema: the fields the product sends, as text or as JSON values; their data keys are the wire's names.
        path_prefix: paths of the product, for clients that name telemock itself as the host.
        identity_names: for each field of Identity the names that may carry it, the best first.
    """

    def __init__(
        self,
        name: str,
        *,
        hosts: Iterable[str],
        path_prefix: str,
        schema: Schema,
        identity_names: Mapping[str, tuple[str, ...]],
    ) -> None:
        self.name = name
        self.hosts = frozenset(hosts)
        self._path_prefix = path_prefix
        self._fields = {field.data_key or key: field for key, field in schema.load_fields.items()}
        self._identity_names = [identity_names.get(key, ()) for key in Identity._fields]
        self._telling = frozenset(chain.from_iterable(self._identity_names))
        self._places = lru_cache(maxsize=256)(self._find_places)
        self._known_problem = lru_cache(maxsize=4096, typed=True)(self._find_problem)
        self._identity_of_texts = lru_cache(maxsize=256)(self._find_identity)
        # Of pairs, by the text that stands in queries: names, members of a JSON object, and what is wrong with values.
        self._names: dict[str, str] = {}
        self._members: dict[str, str] = {}
        self._misfits: dict[str, str] = {}
        self._learned_characters = 0

    def owns(self, host: str, path: str) -> bool:
        """Tell whether a request is the product's: by its host, or by its path."""
        return host in self.hosts or path.startswith(self._path_prefix)

    def read_query(self, query: str) -> Reading:
        """Decode a raw query (`&` between pairs, UTF-8 percent-encoding, `+` is a space); never fails.

        A byte that is not UTF-8 becomes U+FFFD here; the raw query keeps it.
        """
        if not query:
            return _NOTHING
        texts = query.split("&")
        is_usual = len(query) <= _USUAL_CHARACTERS and len(texts) <= _USUAL_PAIRS
        try:
            return self._read_known(texts, is_usual=is_usual)
        except KeyError:
            texts = [text for text in texts if text]
            for text in texts:
                if text not in self._names:
                    self._learn(text)
            reading = self._read_known(texts, is_usual=is_usual)
            if len(self._names) > _REMEMBERED_PAIRS or self._learned_characters > _REMEMBERED_CHARACTERS:
                self._forget()
            return reading

    def read_events(self, events: Iterable[Mapping[str, Any]], said: Reading) -> Reading:
        """Add to what the query said what the events say: their problems, and identity that was missing."""
        problems = list(said.problems)
        identity = said.identity
        wanted = self._names_wanted(identity)
        for number, event in enumerate(events, 1):
            if not wanted.isdisjoint(event):
                identity = self._identity(event, identity)
                wanted = self._names_wanted(identity)
            if len(problems) < MAX_PROBLEMS:
                found_problems = [self._problem(name, event[name]) for name in event.keys() & self._fields.keys()]
                problems += [f"event {number}: {problem}" for problem in sorted(filter(None, found_problems))]
        return Reading(said.params, tuple(problems[:MAX_PROBLEMS]), identity)

    def _read_known(self, texts: Sequence[str], *, is_usual: bool) -> Reading:
        """Read pairs that were learned; raises KeyError when one was not. What usual queries are like is remembered."""
        names = _each(texts, self._names)
        places, is_repeated = self._places(names) if is_usual else self._find_places(names)
        params = _params_with_arrays(texts) if is_repeated else "{" + ",".join(_each(texts, self._members)) + "}"
        problems = [self._misfits[text] for text in texts if text in self._misfits] if self._misfits else []
        telling = tuple([texts[place] for place in places])
        identity = self._identity_of_texts(telling) if is_usual else self._find_identity(telling)
        return Reading(params, tuple(problems[:MAX_PROBLEMS]), identity)

    def _learn(self, text: str) -> None:
        name, value = _decode_pair(text)
        problem = self._find_problem(name, value)
        if problem is not None:
            self._misfits[text] = problem
        self._members[text] = f"{compact_json(name)}:{compact_json(value)}"
        self._names[text] = name
        self._learned_characters += len(text)

    def _forget(self) -> None:
        for learned in (self._names, self._members, self._misfits):
            learned.clear()
        self._learned_characters = 0

    def _problem(self, name: str, value: object) -> str | None:
        """Say what is wrong with a value of an event; short ones, which events repeat, are remembered."""
        is_short = len(value) <= 256 if isinstance(value, str) else isinstance(value, int) and value.bit_length() <= 64
        return (self._known_problem if is_short else self._find_problem)(name, value)

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
        return Identity(
            *[
                known_text or next((read(text) for name in names if (text := _as_text(said.get(name)))), None)
                for known_text, names, read in zip(known, self._identity_names, _IDENTITY_READERS, strict=True)
            ]
        )

    def _names_wanted(self, identity: Identity) -> frozenset[str]:
        missing = [names for text, names in zip(identity, self._identity_names, strict=True) if text is None]
        return frozenset(chain.from_iterable(missing))

    def _find_places(self, names: tuple[str, ...]) -> tuple[tuple[int, ...], bool]:
        """Tell where among names those first stand that may say who speaks, and whether any name is repeated."""
        first = {name: place for place, name in reversed([*enumerate(names)])}
        return tuple(first[name] for name in first.keys() & self._telling), len(first) < len(names)

    def _find_identity(self, texts: tuple[str, ...]) -> Identity:
        """Find who speaks from the pairs that may say it, still encoded."""
        return self._identity(dict(map(_decode_pair, texts)))


def time_text(value: str) -> str | None:
    """Read a client's clock: digits of epoch milliseconds, or ISO 8601 (UTC unless it says); None when neither."""
    try:
        if value.isdigit():
            moment = _EPOCH + timedelta(milliseconds=int(value))
        else:
            moment = datetime.fromisoformat(value[:64])
            moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _searchable(text: str) -> str | None:
    """Take what a person can search for: printable text, of sensible length."""
    text = text[:256]
    return text if text.isprintable() else None


_IDENTITY_READERS = (_searchable, _searchable, _searchable, _searchable, time_text)  # as the fields of Identity


def _decode_pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return unquote_plus(name), unquote_plus(value)


def _each(texts: Sequence[str], of: Mapping[str, str]) -> tuple[str, ...]:
    return itemgetter(*texts)(of) if len(texts) > 1 else tuple([of[text] for text in texts])


def _params_with_arrays(texts: Iterable[str]) -> str:
    values: dict[str, list[str]] = {}
    for name, value in map(_decode_pair, texts):
        values.setdefault(name, []).append(value)
    return compact_json({name: each if len(each) > 1 else each[0] for name, each in values.items()})


def _as_text(value: object) -> str | None:
    """Give a JSON scalar as the text that a query would hold."""
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
