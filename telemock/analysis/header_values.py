"""What is concealed in the value of a header field whose name says that it holds credentials or cookies."""

import re
from collections.abc import Callable

from telemock.analysis.schemes import SCHEMES

# `Bearer dG9r…`: what comes first says how it is a credential (RFC 9110 section 11.4), and is none itself.
_SCHEME = re.compile(rf"\s*(?:{SCHEMES}) +", re.IGNORECASE)

# What Set-Cookie says of a cookie (RFC 6265bis section 5.6), unless a further cookie stands behind it.
_ATTRIBUTE = re.compile(
    r"\s*(?:expires|max-age|domain|path|secure|httponly|samesite|partitioned|priority)\s*"
    r"(?:=(?:[^,=]|, ?\d\d[ -][A-Za-z]{3}[ -]\d)*)?",
    re.IGNORECASE,
)

_Conceal = Callable[[str], str]


def conceal_cookies(value: str, conceal: _Conceal) -> str:
    """Conceal the value of each cookie that Cookie sends (RFC 6265bis section 5.8.3)."""
    return ";".join([_cookie(pair, conceal) for pair in value.split(";")])


def conceal_set_cookie(value: str, conceal: _Conceal) -> str:
    """Conceal the value of the cookie that Set-Cookie sets, and whatever is no attribute behind it."""
    pair, *attributes = value.split(";")
    shown = [each if _ATTRIBUTE.fullmatch(each) else _cookie(each, conceal) for each in attributes]
    return ";".join((_cookie(pair, conceal), *shown))


def conceal_credentials(value: str, conceal: _Conceal) -> str:
    """Conceal credentials, but for the scheme that they are of."""
    scheme = _SCHEME.match(value)
    return scheme[0] + conceal(value[scheme.end() :]) if scheme else conceal(value)


def _cookie(pair: str, conceal: _Conceal) -> str:
    name, equals, value = pair.partition("=")
    if equals:
        return f"{name}={conceal(value)}"
    bare = pair.strip()
    return pair.replace(bare, conceal(bare)) if bare else pair
