"""The secrets in the value of a field and in all that it wraps, found in a moment where there are none."""

import re
from collections.abc import Iterable, Iterator, Sequence

from telemock.analysis.may_hold_secret import may_hold_secret
from telemock.analysis.sensitive import find_secrets, is_hinted, names_secret
from telemock.decoding import ARROW, Budget, layers
from telemock.opening import may_open

# A number of fewer digits is no secret, and wraps none.
_PLAIN_NUMBER = re.compile(r"-?[0-9]{0,12}\.?[0-9]{0,12}", re.ASCII)


def secrets_seen(value: str, name: str) -> tuple[str, ...]:
    """Return the secrets in the value of a field, and in codings that begin as most do, the longest first."""
    if not (names_secret(name) or may_hold_secret(value)):
        return ()
    found = {*find_secrets(value, name)}
    if may_open(value):
        found.update(_inner_secrets(value, name, Budget()))
    return _longest_first(found)


def secrets_or_wrapped(value: str, name: str) -> tuple[str, ...]:
    """Return the secrets in the value of a field, the longest first; all of a value that wraps one in a coding.

    What was not looked at may hold one: a value of which more comes out than is looked at is returned whole, too.
    """
    if _PLAIN_NUMBER.fullmatch(value) and not is_hinted(name):
        return ()
    budget = Budget()
    # The same one may stand elsewhere in it as it is.
    if next(_inner_secrets(value, name, budget), None) is not None or budget.is_spent:
        return (value,)
    return _longest_first({*_secrets_of(value, name)})


def _longest_first(secrets: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(secrets, key=len, reverse=True))


def _inner_secrets(value: str, name: str, budget: Budget) -> Iterator[str]:
    """Yield the secrets in what codings inside of a value wrap."""
    for layer in layers(value, budget):
        yield from _secrets_of(layer.text, ARROW.join((name, *layer.chain)))


def _secrets_of(value: str, name: str) -> Sequence[str]:
    return find_secrets(value, name) if names_secret(name) or may_hold_secret(value) else ()
