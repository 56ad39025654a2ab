"""What is masked wherever exchanges are listed: what opens doors, in header fields, cookies, queries, paths and bodies.

The rules say what a secret is; this says where in an exchange it stands. What a coding inside of a value wraps is not
looked at. All functions here may be called from any thread.
"""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from operator import attrgetter
from typing import Any
from urllib.parse import quote, quote_plus

import re2

from telemock.analysis.names import words_of
from telemock.analysis.rules import RULES
from telemock.analysis.sensitive import find_sensitive, masked
from telemock.codings import decode_pair, decode_read
from telemock.exchange import Exchange, compact_json, header_pairs
from telemock.fields import body_pairs, content_type

# Header fields whose values are credentials whatever they look like.
_SECRET_HEADER = re.compile(
    r"(?:^| )(?:authorization|cookies?|cookie2|auth|tokens?|secret|pass(?:word|wd|phrase)|credentials?|signature"
    r"|session(?: id)?|apikey|honeycomb team|(?<!websocket )(?<!idempotency )(?<!cache )(?<!surrogate )"
    r"(?<!public )keys?)$"
)

# `Bearer dG9r…`: what comes first says how it is a credential (RFC 9110 section 11.4), and is none itself.
_SCHEME = re.compile(r"[A-Za-z][\w-]{1,20} +")

# Something of this is in all that holds a secret which the rules know; one search, in time linear in the text.
_MAY_HOLD = re2.Set.SearchSet()
_MAY_HOLD.Add(
    r"(?i)pass|pwd|secret|token|key|auth|cred|bearer|sessid|connect\.sid|[?&]sig|signature|akia|asia|abia|acca"
    r"|eyj|gh[pousr]_|github_pat|gl[a-z]{2,5}-|gr1348941|sk-|k_live_|xox[a-z]|private|pypi-|sg\.|sq0csp|slack|softlayer"
    r"|cloudant|aiza|npm_|hv[sb]\.|dop_v1|shp[acs]|glsa_|hf_[a-z]{34}|dapi[0-9a-f]|nrak|pmak|dt0c01|ya29|lin_api"
    r"|sntrys_|-us\d|[0-9](?::|%3a)[\w-]{30}|(?:://|%3a%2f%2f)[^\s/:@&]*(?::|%3a)[^\s/@&]*(?:@|%40)|[mno][\w-]{23}\.|ac[a-z0-9]{32}|akc[a-z0-9]{10}"
    r"|ap[0-9a-f][a-z0-9]{8}|services/t|webhooks/"
)
_MAY_HOLD.Compile()

# Longer texts are not remembered.
_MOST_REMEMBERED = 2048

# What holds more of them is masked whole: each is looked for in all of it.
_MOST_SECRETS = 100

# How a secret may stand in a text that was decoded before it was found.
_WRITTEN: tuple[Callable[[str], str], ...] = (
    str,
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    partial(quote, safe="*", errors="surrogatepass"),
    partial(quote_plus, errors="surrogatepass"),
)

_WITHHELD = b"(masked, as it holds a secret)"


# The parts of an exchange that may hold secrets, by the names of its fields.
PARTS = (
    "path",
    "query",
    "params",
    "request_headers",
    "request_trailers",
    "request_body",
    "response_headers",
    "response_body",
)

_exchange_parts = attrgetter(*PARTS)


def masked_exchange(exchange: Exchange) -> Exchange:
    """Return an exchange with its secrets masked; the same one when it has none."""
    values = _exchange_parts(exchange)
    shown = masked_parts(*values)
    return exchange if shown == values else replace(exchange, **dict(zip(PARTS, shown, strict=True)))


def masked_parts(  # noqa: PLR0917 - in the order of `PARTS`
    path: Any,
    query: Any,
    params: Any,
    request_headers: Any,
    request_trailers: Any,
    request_body: Any,
    response_headers: Any,
    response_body: Any,
) -> tuple[Any, ...]:
    """Mask the parts of an exchange, each as it is stored, or None.

    People may edit the file: what is no text, or no bytes of a body, stays as it is.
    """
    if isinstance(query, str) and _may_hold(query or (params if isinstance(params, str) else "")):
        query = masked_query(query)
        params = masked_params(params) if isinstance(params, str) else params
    size = sum(len(body) for body in (request_body, response_body) if isinstance(body, bytes))
    rest = path, request_headers, request_trailers, request_body, response_headers, response_body
    path, *others = (_masked_short if size <= _MOST_REMEMBERED else _masked_rest)(*rest)
    return path, query, params, *others


def _masked_rest(  # noqa: PLR0917 - see above
    path: Any, request_headers: Any, request_trailers: Any, request_body: Any, response_headers: Any, response_body: Any
) -> tuple[Any, ...]:
    response = _masked_message(response_headers, None, response_body)
    return (
        masked_path(path) if isinstance(path, str) else path,
        *_masked_message(request_headers, request_trailers, request_body),
        *response[::2],
    )


# But for what differs from ping to ping, exchanges repeat.
_masked_short = lru_cache(maxsize=1024)(_masked_rest)


def _masked_message(headers: Any, trailers: Any, body: Any) -> tuple[Any, Any, Any]:
    if not isinstance(headers, str):
        return headers, trailers, body
    shown = masked_body(headers, body) if isinstance(body, bytes) else body
    if shown is not body:
        headers = _without_coding(headers)
    return masked_headers(headers), masked_headers(trailers) if isinstance(trailers, str) else trailers, shown


def _without_coding(headers: str) -> str:
    """Say in headers that the coding of their content was undone."""
    coded = "content-encoding"
    pairs = [(f"({name} undone)" if name.lower() == coded else name, value) for name, value in header_pairs(headers)]
    return compact_json(pairs) if coded in headers.lower() else headers


def _may_hold(text: str | bytes) -> bool:
    try:
        return bool(_MAY_HOLD.Match(text))
    except UnicodeEncodeError:
        return bool(_MAY_HOLD.Match(text.encode(errors="backslashreplace") if isinstance(text, str) else text))


@lru_cache(maxsize=1024)
def masked_headers(text: str) -> str:
    """Mask headers as an exchange keeps them: JSON of names and values."""
    pairs = header_pairs(text)
    shown = [(name, masked_header(name, value)) for name, value in pairs]
    return text if shown == pairs else compact_json(shown)


def masked_header(name: str, value: str) -> str:
    """Mask the value of a header field: of cookies each value, of credentials all but their scheme."""
    lower = name.lower()
    if lower == "cookie":
        return ";".join(map(_masked_cookie, value.split(";")))
    if lower == "set-cookie":
        pair, semicolon, attributes = value.partition(";")
        return _masked_cookie(pair) + semicolon + attributes
    if is_secret_header(lower):
        scheme = _SCHEME.match(value)
        return scheme[0] + masked(value[scheme.end() :]) if scheme else masked(value)
    return masked_value(name, value)


def _masked_cookie(pair: str) -> str:
    name, equals, value = pair.partition("=")
    return f"{name}={masked(value)}" if equals else pair


@lru_cache(maxsize=4096)
def is_secret_header(name: str) -> bool:
    """Tell whether the values of a header field are credentials, by its name."""
    return bool(_SECRET_HEADER.search(words_of(name.lower())))


@lru_cache(maxsize=4096)
def masked_value(name: str, value: str) -> str:
    """Mask the secrets in the decoded value of a field."""
    secrets = _secrets(name, value)
    if len(secrets) > _MOST_SECRETS:
        return masked(value)
    for secret in secrets:
        value = value.replace(secret, masked(secret))
    return value


@lru_cache(maxsize=4096)
def _is_secret_name(name: str) -> bool:
    words = words_of(name)
    return any(rule.hint is not None and rule.hint.search(words) for rule in RULES if rule.sensitivity == "secret")


@lru_cache(maxsize=4096)
def _secrets(name: str, value: str) -> tuple[str, ...]:
    """Find the secrets in a value, the longest first."""
    if not (_is_secret_name(name) or _may_hold(value)):
        return ()
    found = {match.text for match in find_sensitive(value, name) if match.sensitivity == "secret"}
    return tuple(sorted(found, key=len, reverse=True))


@lru_cache(maxsize=4096)
def masked_path(path: str) -> str:
    """Mask the secrets in a path: tokens of bots, signatures, keys that stand between slashes."""
    return masked_value("", path).replace("…", "*") if _may_hold(path) else path


def masked_query(query: str) -> str:
    """Mask the secrets in a query as it was received."""
    items = query.split("&")
    for place, item in enumerate(items):
        if item:
            name, value = decode_pair(item)
            shown = masked_value(name, value)
            if shown != value:
                items[place] = item.partition("=")[0] + "=" + quote(shown, safe="*:/", errors="surrogatepass")
    return "&".join(items)


def masked_params(text: str) -> str:
    """Mask the secrets in the JSON object of a decoded query."""
    if not _may_hold(text):
        return text
    try:
        params = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(params, dict):
        return text
    shown = {name: _masked_member(name, value) for name, value in params.items()}
    return text if shown == params else compact_json(shown)


def _masked_member(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_masked_member(name, each) for each in value]
    return masked_value(name, value) if isinstance(value, str) else value


def masked_body(headers: str, body: bytes) -> bytes:
    """Mask the secrets in a body as it is stored; a coded one comes decoded where it holds any."""
    content = decode_read(headers, body)
    content = body if content is None else content
    if not _may_hold(content):
        return body
    text = content.decode(errors="surrogateescape")
    shown = text
    secrets: set[str] = set()
    for name, value in body_pairs(content, content_type(headers)):
        secrets.update(_secrets(name, value))
        if len(secrets) > _MOST_SECRETS:
            return _WITHHELD
    for secret in sorted(secrets, key=len, reverse=True):
        if not any(written(secret) in text for written in _WRITTEN):
            return _WITHHELD
        for written in _WRITTEN:
            shown = shown.replace(written(secret), written(masked(secret)))
    return body if shown == text else shown.encode(errors="surrogateescape")


def masked_text(text: str) -> str:
    """Mask the secrets in a text about what was captured, such as the beginning of what was no HTTP."""
    if not _may_hold(text):
        return text
    lines = re.sub(r"(?i)([\w-]{3,40})(: *)((?:[^\\\r\n'\"]|\\(?![rn]))+)", _masked_line, text)
    return masked_value("", lines)


def _masked_line(found: re.Match[str]) -> str:
    return found[1] + found[2] + (masked_header(found[1], found[3]) if is_secret_header(found[1]) else found[3])
