"""The secrets in the value of a field and in all that it wraps, found in a moment where there are none."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from telemock.analysis.json_numbers import is_json_number
from telemock.analysis.may_hold_secret import may_hold_secret
from telemock.analysis.sensitive import find_secrets, is_hinted, names_secret
from telemock.decoding import ARROW, Budget, layers
from telemock.opening import may_open

# What holds more of them is concealed whole, and the rest of them is not looked for.
MOST_SECRETS = 100

# A number of fewer digits is no secret, and wraps none.
_PLAIN_NUMBER = re.compile(r"-?[0-9]{0,12}\.?[0-9]{0,12}", re.ASCII)

# A value that holds more of them is returned whole: each is looked for in all that it wraps.
_MOST_INNER = 16

# What stands where a secret was, so that what held it can be read as before.
_PLACE = "-" * 8


def secrets_seen(value: str, name: str) -> tuple[str, ...]:
    """Return the secrets in the value of a field, and in codings that begin as most do, the longest first.

    Of more than MOST_SECRETS, some may be missing.
    """
    if not (names_secret(name) or may_hold_secret(value)):
        return ()
    found = {*find_secrets(value, name)}
    if len(found) <= MOST_SECRETS and may_open(value):
        for secret in _inner_secrets(value, name, Budget()):
            found.add(secret)
            if len(found) > MOST_SECRETS:
                break
    return _longest_first(found)


def secrets_or_wrapped(value: str, name: str) -> tuple[str, ...]:
    """Return the secrets in the value of a field, the longest first; all of a value that wraps one in a coding.

    A URL, a form and JSON show what they hold, and only that is returned. What was not looked at may hold a secret: a
    value of which more comes out than is looked at is returned whole, too.
    """
    if _PLAIN_NUMBER.fullmatch(value) and not is_hinted(name):
        return ()
    budget = Budget()
    inner = {*islice(_inner_secrets(value, name, budget), _MOST_INNER + 1)}
    found = _longest_first(inner.union(_secrets_of(value, name)))
    return (value,) if budget.is_spent or (inner and not _are_shown(value, found)) else found


def _longest_first(secrets: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(secrets, key=len, reverse=True))


def _are_shown(value: str, secrets: Sequence[str]) -> bool:
    """Return whether each secret that a value holds stands in it as it is, and none of them otherwise, too."""
    if len(secrets) > _MOST_INNER:
        return False
    is_json = value.lstrip()[:1] in ("{", "[")
    left = value
    for secret in secrets:
        # A string takes the place of a number, whose quotes another one would have to escape.
        if secret not in value or (is_json and is_json_number(secret)):
            return False
        left = left.replace(secret, _PLACE)
    return not any(secret in layer.text for layer in layers(left) for secret in secrets)


def _inner_secrets(value: str, name: str, budget: Budget) -> Iterator[str]:
    """Yield the secrets in what codings inside of a value wrap."""
    for layer in layers(value, budget):
        yield from _secrets_of(layer.text, ARROW.join((name, *layer.chain)))


def _secrets_of(value: str, name: str) -> Sequence[str]:
    return find_secrets(value, name) if names_secret(name) or may_hold_secret(value) else ()
