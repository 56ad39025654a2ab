"""Which requests a client sent again: after a failure, or although it was answered, the same events.

Sent again is the same method, URL with its query, and content, by the same client. What is the same and was answered
is a request of its own, such as a heartbeat, unless its body holds what only one sending of it can: the id of an
event, or the time when it was made. What is the same but for a clock, a number of the attempt or an id of the request
is sent again only soon after a failure.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import chain, islice
from typing import Final, NamedTuple

from telemock.analysis.kinds import TIMES, kind_of, seconds_of
from telemock.analysis.names import words_of
from telemock.codings import decode_pair
from telemock.fields import query_items, read_body
from telemock.leaves import Leaf
from telemock.opening import Allowance

# After a failure clients try again so soon, and each further time after so many times the delay before.
_SOON_S: Final = 60.0
_SOON_FACTOR: Final = 4.0

# What is known by its events may come again so much later.
_LONGEST_S: Final = 3600.0

# Who waits so long for an answer may give up, and ask again before it comes.
_LATE_S: Final = 1.0

_MOST_REMEMBERED: Final = 10_000

# Answers below 500 that ask for another try (RFC 9110 section 15.5, RFC 8470, RFC 6585), or that a client did not
# wait for.
_FAILURES: Final = frozenset((408, 425, 429, 499))

# Names, in JSON, of what is another each time that the same events are sent.
_SENT_AT: Final = re.compile(rb'"(?:sent_?at|client_upload_time|stm)"\s*:\s*(?:"[^"\\]*"|[\d.]+)', re.IGNORECASE)

# Names, in JSON, that belong to one event alone.
_EVENT_ID: Final = re.compile(
    rb'"(?:message_?id|event_?id|event_?uuid|\$?insert_?id)"\s*:\s*"([^"\\]{8,128})"', re.IGNORECASE
)

# The same, as words, in any format; an id without more words is an event's in an array only.
_NAME_OF_ID: Final = re.compile(
    r"(?:.* )?(?:(?:message|event|insert|request|batch|trace|span|transaction|correlation|delivery|idempotency|report"
    r"|envelope|payload|upload) ?(?:u?uid|id|key)|nonce)"
)
_ID_IN_ARRAY: Final = re.compile(r".*\[\]\._?u?u?id", re.IGNORECASE)
_LEAST_ID: Final = 8

# Where none of so many values of a body tells it, none will.
_MOST_LEAVES: Final = 10_000

# Times that stay the same from one event to the next.
_NAME_OF_STATE: Final = re.compile(
    r"(?:.* )?(?:start\w*|boot\w*|creat\w*|install\w*|launch\w*|since|first|last|until|expir\w*|valid|build|built"
    r"|release\w*|updated?|modif\w*|upgrad\w*|login|exp|iat|nbf|lt|from|to|begin)(?: .*)?"
)

# The same, as words, of what is another in each attempt: how many there were, and what makes each of them unique.
_NAME_OF_ATTEMPT: Final = re.compile(
    r"(?:.* )?(?:(?:attempts?|tries|retry|retries|retried)(?: (?:count|number|no|num|index|n))?"
    r"|try (?:count|number|no|num))"
)
_NAME_OF_REQUEST: Final = re.compile(
    r"(?:.* )?(?:(?:request|req|attempt|trace|span|correlation) ?(?:u?uid|id|key)|nonce|random|rand|cb|cache ?buster"
    r"|signature|sig|hmac)"
)
_MOST_ATTEMPTS: Final = 10_000

# A time of this request is so near to when it came: clocks differ, and events wait to be sent.
_BEFORE_S: Final = 3600.0
_AFTER_S: Final = 300.0


class Sending(NamedTuple):
    """What of a request and its answer tells whether it was sent again.

    Attributes:
        sender: the installation, or the address of the client.
        url: with its query.
        content: the body, decoded as far as that can be; empty when there was none.
        media_type: what its Content-Type says.
        received_s: seconds since the epoch.
    """

    sender: str
    method: str
    url: str
    content: bytes
    media_type: str
    received_s: float
    status: int
    latency_ms: float


class Again(NamedTuple):
    """How a request is the same as one before it.

    Attributes:
        is_retry: that one was not answered, or late, or with a failure.
        is_same_events: its body holds what only these events have.
        delay_s: since then.
        before_s: of that one since the one before it; 0 when it was the first.
        attempt: 1 for the first time that it was sent again.
    """

    is_retry: bool
    is_same_events: bool
    delay_s: float
    before_s: float
    attempt: int


class Remembered(NamedTuple):
    """What is remembered of the latest of requests that are the same."""

    received_s: float
    answered_s: float
    is_failure: bool
    delay_s: float
    attempt: int


class Resent:
    """Recognises what is sent again; it is asked of requests in the order they came.

    Args:
        known: of the requests before, as `known` gave it.
    """

    def __init__(self, known: Iterable[tuple[bytes, Remembered]] = ()) -> None:
        self._latest = OrderedDict(known)
        self._failed_s = max((each.received_s for each in self._latest.values()), default=-1e12)

    def known(self) -> list[tuple[bytes, Remembered]]:
        """Give what is to be known of the latest requests to recognise them again.

        Clocks of those who stored them may differ, so that time does not tell which are not needed any more.
        """
        return [*self._latest.items()]

    def is_new(self, received_s: float, status: int, latency_ms: float) -> bool:
        """Return at once whether a request without a body is no retry, and nothing for a later one to retry.

        Args:
            received_s: seconds since the epoch.
            status: of its answer.
            latency_ms: of its answer.
        """
        return not _may_come_again(status, latency_ms) and received_s > self._failed_s + _LONGEST_S

    def again(self, sending: Sending) -> Again | None:
        """Return how a request was sent before; None when it was not."""
        sent = Remembered(
            sending.received_s,
            sending.received_s + sending.latency_ms / 1000,
            is_failure(sending.status),
            0.0,
            0,
        )
        if _may_come_again(sending.status, sending.latency_ms):
            self._failed_s = max(self._failed_s, sending.received_s)
        keys = _keys(sending)
        known = [self._latest[key] for key in keys if key in self._latest]
        again = _again(sending, sent, max(known)) if known else None
        if sending.received_s <= self._failed_s + _LONGEST_S:
            alike = self._keys_of_alike(sending, is_failed=sent.is_failure)
            keys += alike
            if again is None and alike and alike[-1] in self._latest:
                again = _again_alike(sent, self._latest[alike[-1]])
        if again is not None:
            sent = sent._replace(delay_s=again.delay_s, attempt=again.attempt)
        for key in keys:
            self._latest[key] = sent
            self._latest.move_to_end(key)
        while len(self._latest) > _MOST_REMEMBERED:
            self._latest.popitem(last=False)
        return again

    def _keys_of_alike(self, sending: Sending, *, is_failed: bool) -> list[bytes]:
        """Return the key of where requests failed, and that of this one's attempts, which is looked for only there."""
        place = _digest(_sent_to(sending, sending.url.partition("?")[0]), b"failed")
        if not is_failed and place not in self._latest:
            return []
        alike = _key_of_alike(sending)
        return [] if alike is None else [place, alike]


def is_failure(status: int) -> bool:
    """Return whether clients try again after an answer."""
    return status >= 500 or status in _FAILURES


def _may_come_again(status: int, latency_ms: float) -> bool:
    """Return whether a client may have sent a request again, as its answer was a failure or late."""
    return is_failure(status) or latency_ms >= 1000 * _LATE_S


def _again(sending: Sending, sent: Remembered, known: Remembered) -> Again | None:
    """Return how a request is the same as one that is known; they may have been stored the other way round."""
    first, second = min(known, sent), max(known, sent)
    delay_s = second.received_s - first.received_s
    is_late = delay_s >= _LATE_S and second.received_s < first.answered_s
    is_retry = first.is_failure or is_late
    is_soon = is_retry and delay_s <= max(_SOON_S, _SOON_FACTOR * known.delay_s)
    is_same_events = delay_s <= _LONGEST_S and _is_one_of_a_kind(sending)
    return (
        Again(is_retry, is_same_events, delay_s, known.delay_s, known.attempt + 1)
        if is_soon or is_same_events
        else None
    )


def _again_alike(sent: Remembered, known: Remembered) -> Again | None:
    """Return how a request is the same as one that is known but for what is another in each attempt."""
    first, second = min(known, sent), max(known, sent)
    delay_s = second.received_s - first.received_s
    is_soon = first.is_failure and delay_s <= max(_SOON_S, _SOON_FACTOR * known.delay_s)
    return (
        Again(
            is_retry=True,
            is_same_events=False,
            delay_s=delay_s,
            before_s=known.delay_s,
            attempt=known.attempt + 1,
        )
        if is_soon
        else None
    )


def _key_of_alike(sending: Sending) -> bytes | None:
    """Return what is the same in each attempt; None where that is all of it, or where it cannot be told.

    What stands in an array is of one event, and another there is another event.
    """
    to, _, query = sending.url.partition("?")
    body = read_body(sending.content, sending.media_type)
    asked: list[Leaf] = [(*decode_pair(item), "text") for item in query_items(query)]
    leaves = [*asked, *body.leaves]
    if not body.is_whole or len(leaves) > _MOST_LEAVES:
        return None
    kept = [leaf for leaf in leaves if not _is_of_attempt(leaf, sending.received_s)]
    if len(kept) == len(leaves):
        return None
    said = (part.encode(errors="surrogatepass") for leaf in kept for part in leaf)
    return _digest(_sent_to(sending, to), b"alike", *said)


def _is_of_attempt(leaf: Leaf, received_s: float) -> bool:
    """Return whether a value is another each time that the same request is tried."""
    name, value, _ = leaf
    if "[]" in name:
        return False
    words = words_of(name)
    return (
        _NAME_OF_REQUEST.fullmatch(words) is not None
        or (_NAME_OF_ATTEMPT.fullmatch(words) is not None and value.isdecimal() and int(value) < _MOST_ATTEMPTS)
        or _is_own_time(leaf, received_s)
    )


def _keys(sending: Sending) -> list[bytes]:
    before = _sent_to(sending, sending.url)
    events = b"\0".join(sorted(set(_EVENT_ID.findall(sending.content))))
    keys = [_digest(before, b"content", _SENT_AT.sub(b"", sending.content))]
    return keys + [_digest(before, b"events", events)] * bool(events)


def _sent_to(sending: Sending, url: str) -> bytes:
    return f"{sending.sender}\n{sending.method}\n{url}".encode(errors="surrogateescape")


def _is_one_of_a_kind(sending: Sending) -> bool:
    """Return whether a body holds the id of an event, or the time when it was made."""
    leaves = read_body(sending.content, sending.media_type).leaves
    allowance = Allowance(len(sending.content))
    inside = chain.from_iterable(allowance.open(name, value) for name, value, _ in leaves)
    some = islice(chain(leaves, inside), _MOST_LEAVES)
    return any(_is_id(leaf) or _is_own_time(leaf, sending.received_s) for leaf in some)


def _is_id(leaf: Leaf) -> bool:
    name, value, _ = leaf
    is_named = _NAME_OF_ID.fullmatch(words_of(name)) or _ID_IN_ARRAY.fullmatch(name)
    return is_named is not None and len(value) >= _LEAST_ID


def _is_own_time(leaf: Leaf, received_s: float) -> bool:
    name, value, form = leaf
    if len(value) < 10 or not value[:4].isdigit() or _NAME_OF_STATE.fullmatch(words_of(name)):
        return False
    kind = kind_of(value, name, received_s, form)
    if kind in TIMES:
        moment_s = seconds_of(value, kind)
    elif kind == "timestamp_iso" and ":" in value:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return False
        moment_s = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    else:
        return False
    return -_BEFORE_S <= moment_s - received_s <= _AFTER_S


def _digest(*parts: bytes) -> bytes:
    made = blake2b(digest_size=16)
    for part in parts:
        made.update(len(part).to_bytes(8, "big") + part)
    return made.digest()
