"""Names of fields whose values are secrets: their own, those of what they stand in, and those of header fields.

A name is read as its words, see `telemock.analysis.names.words_of`: `$.cloud.apiKey` has `cloud api key`.
"""

import re
from collections.abc import Callable, Collection
from functools import lru_cache, partial
from typing import NamedTuple

from telemock.analysis.names import parts_of, words_of

# Names of passwords, which may be words.
NAMES_OF_PASSWORDS = (
    r"(?:user|db|smtp|ftp|login|admin) ?pass|(?:[a-z]{0,16}password|pass ?word|passwd|[a-z]{0,8}pwd|pswd|pass ?phrase"
    r"|passcode)s?(?: ?(?:confirm(?:ation)?|repeat|again|hash|digest|new|old|current|plain|text|\d))?"
)

# Names of whatever opens something by itself.
SECRET_NAMES = (
    rf"{NAMES_OF_PASSWORDS}|pass|[a-z]{{0,16}}secrets?|credentials?|bearer|connect sid|[a-z]*sessid"
    r"|(?<!page )(?<!next )(?<!cursor )(?<!sync )(?<!continuation )(?!(?:page|next|nextpage|cursor|sync)token)"
    r"[a-z]{0,16}token|(?:access|api|auth|refresh|id|device|push|session|bearer) tokens"
    r"|[a-z]{0,8}(?:api|secret|access|private)keys?"
    r"|(?:secret|api|access|private|auth|encryption|decryption|signing|hmac|shared|write|source|server|sdk"
    r"|ingest(?:ion)?|insert|license|instrumentation|subscription|functions?|master|app(?:lication)?|consumer"
    r"|integration|storage|sentry|deploy|ssh|webhook|admin) ?keys?|honeycomb team"
)

AUTHORIZATION_NAMES = r"(?:proxy |http )?authorization"

# Names of what opens something, or says that it was signed, where it looks as if nobody had chosen it.
OPAQUE_NAMES = (
    r"[a-z]{0,8}hmac(?: sha \d{1,3})?|(?:auth(?:orization)?|oauth|device) ?code"
    r"|code verifier|assertion|saml ?(?:response|art)|jwt|sas|access ?key ?id"
)

SIGNATURE_NAMES = r"(?:parameter|oauth|amz|goog) (?:sig|signature)"

# Beside which other parameters a code is one of OAuth (RFC 6749), and no error's.
CODE_NAME = "code"
_CODE_COMPANIONS = frozenset(("state", "grant_type", "redirect_uri", "code_verifier", "session_state"))
AUTHORIZATION_CODE = "authorization code"

# Whoever has a URL with one of these may do what it says; elsewhere a signature only says who wrote something.
_SIGNATURES = frozenset(("sig", "signature"))

# Header fields whose values are credentials whatever they look like.
_HEADER_NAMES = (
    r"[a-z]{0,16}authorization|authentication|cookies?|cookie2|auth"
    r"|(?<!limit )(?<!remaining )(?<!reset )[a-z]{0,16}tokens?|[a-z]{0,16}secret|pass(?:word|wd|phrase)?"
    r"|pwd|credentials?|assertion|signature(?: \d{1,3})?|hmac sha \d{1,3}"
    r"|session(?: id)?|[a-z]{0,8}apikey|dpop|honeycomb team|(?<!socket )(?<!idempotency )(?<!cache )(?<!surrogate )"
    r"(?<!public )keys?"
)
_HEADER = re.compile(rf"(?:^| )(?:{_HEADER_NAMES})$")

# Names of fields that tell of header fields: members of what is called headers, and variables of CGI (RFC 3875).
TOLD_HEADER_NAMES = rf"(?:[a-z]+ ?)?headers? (?:[\w ]{{1,60}} )?(?:{_HEADER_NAMES})|http (?:cookies?|authorization)"
COOKIE_NAMES = r"cookies?|cookie2"

# The words of each member of what is called cookies.
COOKIE_VALUE = "cookie value"

_OUTER = re.compile(rf"(?:^| )(?:{SECRET_NAMES}|{AUTHORIZATION_NAMES}|{TOLD_HEADER_NAMES})$")
_PASSWORDS = re.compile(rf"(?:^| )(?:{NAMES_OF_PASSWORDS})$")
_COOKIES = re.compile(r"(?:^| )cookies$")
_MAY_BE_OUTER = re.compile(r"pass|pwd|pswd|secret|token|key|cred|auth|cookie|header|bearer|sessid|sid", re.IGNORECASE)

# What stands in a secret and is the secret itself.
_VALUE = re.compile(r"v|vals?|values?|text|string|str|data|raw|content|current|old|new|plain|secret|\d{1,9}|t|cdata|")

# What only tells of a secret that it stands in, or of a cookie, by its last word.
_ABOUT = re.compile(
    r"(?:.* )?(?:access|account|active|age|alg|algorithm|at|aud|audience|changed|class|code|column|comment|cost|count"
    r"|created|date|description|disabled|domain|duration|email|enabled|encoding|end|error|exp|expiration|expired|expires"
    r"|expiry|file|format|hint|host|href|iat|id|ids|in|index|iss|issued|issuer|kind|label|len|length|level|limit"
    r"|line|link|login|max|message|method|min|mode|modified|name|names|nbf|offset|on|origin|owner|path|permission"
    r"|permissions|policy|position|present|project|provider|reason|region|remaining|required|revoked|role|roles"
    r"|rotated|rule|rules|scheme|scope|scopes|set|size|source|start|state|status|strength|sub|subject|tenant|time"
    r"|timestamp|title|total|ttl|type|types|updated|uri|url|usage|used|user|username|valid|version|zone)"
)
_ABOUT_COOKIES = re.compile(
    r"(?:.* )?(?:accepted|age|allowed|banner|consent|count|disabled|domain|enabled|expires|name|only|partitioned|path"
    r"|policy|priority|secure|site|size|supported)"
)


class Outer(NamedTuple):
    """The name of what a field stands in, where that says that its values are secrets.

    Attributes:
        words: of that name; empty where there is none.
        is_whole: the value is the secret whatever it looks like; otherwise only where nobody would have chosen it.
    """

    words: str
    is_whole: bool


# Whatever is further outside says nothing of a value.
_MOST_LEVELS = 16

_NONE = Outer("", is_whole=False)


@lru_cache(maxsize=4096)
def outer_secret(name: str) -> Outer:
    """Return which of the names that a field stands in says that its values are secrets; the innermost counts."""
    if not _MAY_BE_OUTER.search(name):
        return _NONE
    *outside, own = parts_of(name) or [""]
    return _seen_from(words_of(own), _outermost(tuple(outside[-_MOST_LEVELS:])))


@lru_cache(maxsize=4096)
def _outermost(parts: tuple[str, ...]) -> Outer:
    """Return it for what stands right in the last of some names."""
    if not parts:
        return _NONE
    words = words_of(".".join(parts[-2:]))
    if _COOKIES.search(words):
        return Outer(COOKIE_VALUE, is_whole=True)
    if _OUTER.search(words):
        return Outer(words, is_whole=True)
    return _seen_from(words_of(parts[-1]), _outermost(parts[:-1]))


def _seen_from(own: str, outer: Outer) -> Outer:
    """Return what the name of something outside says of what is called so inside of it."""
    if outer.words == COOKIE_VALUE:
        return _NONE if _ABOUT_COOKIES.fullmatch(own) else outer
    if not outer.words or _ABOUT.fullmatch(own):
        return _NONE
    is_whole = outer.is_whole and (_VALUE.fullmatch(own) or _PASSWORDS.search(outer.words)) is not None
    return Outer(outer.words, is_whole)


def parameter_hint(name: str, beside: Collection[str] = ()) -> str:
    """Return the name by which to know the value of a parameter of a URL or a form.

    Args:
        name: of the parameter; a field of a body that is no form has one that nothing changes.
        beside: the names of all parameters, where these are known.
    """
    lower = name.lower()
    if lower in _SIGNATURES:
        return f"parameter {lower}"
    return AUTHORIZATION_CODE if lower == CODE_NAME and not _CODE_COMPANIONS.isdisjoint(beside) else name


def parameter_hints(text: str, names: Callable[[], Collection[str]]) -> Callable[[str], str] | None:
    """Return what `parameter_hint` says of each name in a query; None where it changes none, as of most."""
    lower = text.lower()
    return partial(parameter_hint, beside=names()) if "sig" in lower or CODE_NAME in lower else None


@lru_cache(maxsize=4096)
def is_secret_header(name: str) -> bool:
    """Return whether the values of a header field are credentials, by its name."""
    return any(_HEADER.search(words_of(each)) for each in (name.lower(), name))
