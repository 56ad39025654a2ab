"""What is masked wherever exchanges are listed: what opens doors, in header fields, cookies, queries, paths and bodies.

The rules say what a secret is; this says where in an exchange it stands. All functions and methods here may be called
from any thread.
"""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from operator import attrgetter
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus

import re2

from telemock.analysis.findings import Findings, Place
from telemock.analysis.names import words_of
from telemock.analysis.rules import RULES
from telemock.analysis.sensitive import find_sensitive, is_hinted, masked
from telemock.codings import decode_pair, decode_read
from telemock.exchange import Exchange, compact_json, header_pairs
from telemock.fields import body_pairs, content_type

_T = TypeVar("_T")

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

# What holds more of them is concealed whole: each is looked for in all of it.
_MOST_SECRETS = 100

# How a secret may stand in a text that was decoded before it was found.
_WRITTEN: tuple[Callable[[str], str], ...] = (
    str,
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    lambda text: json.dumps(text)[1:-1].replace("/", r"\/"),
    partial(quote, safe="*", errors="surrogatepass"),
    partial(quote_plus, errors="surrogatepass"),
)

# A header field in text, whose ends of lines may stand escaped as in a Python literal; it may be folded.
_FIELD_LINE = re.compile(
    r"(?:(?<=\\[rn])|(?<![\w\\-]))([\w-]{1,100})( {0,8}: *)"
    r"((?:[^\\\r\n]|\\(?![rn])|(?:\\[rn]|[\r\n])+(?: |\t|\\t))+)"
)

# A number of fewer digits is no secret, and wraps none.
_PLAIN_NUMBER = re.compile(r"-?[0-9]{0,12}\.?[0-9]{0,12}", re.ASCII)

# What no text has: where these are, the length of what stands between them may be told elsewhere.
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")

_FINGERPRINT = re.compile(r"redacted-[0-9a-f]{16}")

_NOWHERE = Place("", "", "", "", "body")

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


class Replacement:
    """Puts something else in place of the secrets of exchanges.

    Args:
        conceal: returns what stands in place of a secret; no character of it needs escaping in JSON.
        withheld: returns what stands in place of a body with very many secrets, or one that stands otherwise in it.
        looks_inside: a value that wraps a secret in a coding is concealed whole, and secrets in binary bodies keep
            their length.
    """

    def __init__(
        self, conceal: Callable[[str], str], withheld: Callable[[bytes], bytes], *, looks_inside: bool
    ) -> None:
        self._conceal = conceal
        self._withheld = withheld
        self._looks_inside = looks_inside
        # But for what differs from ping to ping, exchanges repeat.
        self._short = lru_cache(maxsize=1024)(self._rest)
        self.headers = _remembering(self._headers)
        self.path = _remembering(self._path)
        self._secrets = _remembering(self._find_secrets)

    def exchange(self, exchange: Exchange) -> Exchange:
        """Return an exchange without its secrets; the same one when it has none."""
        values = _exchange_parts(exchange)
        shown = self.parts(*values)
        return exchange if shown == values else replace(exchange, **dict(zip(PARTS, shown, strict=True)))

    def parts(  # noqa: PLR0917 - in the order of `PARTS`
        self,
        path: Any,
        query: Any,
        params: Any,
        request_headers: Any,
        request_trailers: Any,
        request_body: Any,
        response_headers: Any,
        response_body: Any,
    ) -> tuple[Any, ...]:
        """Return the parts of an exchange, each as it is stored, or None, without their secrets.

        People may edit the file: what is no text, or no bytes of a body, stays as it is.
        """
        if isinstance(query, str) and self._may_hold(query or (params if isinstance(params, str) else "")):
            query = self.query(query)
            params = self.params(params) if isinstance(params, str) else params
        size = len(request_body) if isinstance(request_body, bytes) else 0
        size += len(response_body) if isinstance(response_body, bytes) else 0
        rest = path, request_headers, request_trailers, request_body, response_headers, response_body
        path, *others = (self._short if size <= _MOST_REMEMBERED else self._rest)(*rest)
        return path, query, params, *others

    def _rest(  # noqa: PLR0917 - see above
        self,
        path: Any,
        request_headers: Any,
        request_trailers: Any,
        request_body: Any,
        response_headers: Any,
        response_body: Any,
    ) -> tuple[Any, ...]:
        response = self._message(response_headers, None, response_body)
        return (
            self.path(path) if isinstance(path, str) else path,
            *self._message(request_headers, request_trailers, request_body),
            *response[::2],
        )

    def _message(self, headers: Any, trailers: Any, body: Any) -> tuple[Any, Any, Any]:
        if not isinstance(headers, str):
            return headers, trailers, body
        shown = self.body(headers, body) if isinstance(body, bytes) else body
        if shown is not body:
            headers = _without_coding(headers)
        return self.headers(headers), self.headers(trailers) if isinstance(trailers, str) else trailers, shown

    def _may_hold(self, text: str | bytes) -> bool:
        """Tell whether a text needs looking at."""
        return self._looks_inside or _may_hold(text)

    def _headers(self, text: str) -> str:
        """Conceal headers as an exchange keeps them: JSON of names and values."""
        pairs = header_pairs(text)
        shown = [(name, self.header(name, value)) for name, value in pairs]
        return text if shown == pairs else compact_json(shown)

    def header(self, name: str, value: str) -> str:
        """Conceal the value of a header field: of cookies each value, of credentials all but their scheme."""
        lower = name.lower()
        if lower == "cookie":
            return ";".join(map(self._cookie, value.split(";")))
        if lower == "set-cookie":
            pair, semicolon, attributes = value.partition(";")
            return self._cookie(pair) + semicolon + attributes
        if is_secret_header(lower):
            scheme = _SCHEME.match(value)
            return scheme[0] + self._conceal(value[scheme.end() :]) if scheme else self._conceal(value)
        return self.value(name, value)

    def _cookie(self, pair: str) -> str:
        name, equals, value = pair.partition("=")
        if equals:
            return f"{name}={self._conceal(value)}"
        bare = pair.strip()
        return pair.replace(bare, self._conceal(bare)) if bare else pair

    def value(self, name: str, value: str) -> str:
        """Conceal the secrets in the decoded value of a field."""
        secrets = self._secrets(value, name)
        if len(secrets) > _MOST_SECRETS:
            return self._conceal(value)
        for secret in secrets:
            value = value.replace(secret, self._conceal(secret))
        return value

    def _find_secrets(self, value: str, name: str = "") -> tuple[str, ...]:
        """Find the secrets in the value of a field, the longest first."""
        if self._looks_inside:
            if _PLAIN_NUMBER.fullmatch(value) and not is_hinted(name):
                return ()
            if _wraps_secret(name, value):
                return (value,)
        elif not (_is_secret_name(name) or _may_hold(value)):
            return ()
        found = {match.text for match in find_sensitive(value, name) if match.sensitivity == "secret"}
        return tuple(sorted(found, key=len, reverse=True))

    def _path(self, path: str) -> str:
        """Conceal the secrets in a path: tokens of bots, signatures, keys that stand between slashes."""
        if not self._may_hold(path):
            return path
        for secret in self._secrets(path):
            path = path.replace(secret, self._conceal(secret).replace("…", "*"))
        return path

    def query(self, query: str) -> str:
        """Conceal the secrets in a query as it was received."""
        items = query.split("&")
        for place, item in enumerate(items):
            if item:
                name, value = decode_pair(item)
                shown = self.value(name, value)
                if shown != value:
                    items[place] = item.partition("=")[0] + "=" + quote(shown, safe="*:/", errors="surrogatepass")
        return "&".join(items)

    def params(self, text: str) -> str:
        """Conceal the secrets in the JSON object of a decoded query."""
        if not self._may_hold(text):
            return text
        try:
            params = json.loads(text)
        except (ValueError, RecursionError):
            return text
        if not isinstance(params, dict):
            return text
        shown = {name: self._member(name, value) for name, value in params.items()}
        return text if shown == params else compact_json(shown)

    def _member(self, name: str, value: Any) -> Any:
        if isinstance(value, list):
            return [self._member(name, each) for each in value]
        return self.value(name, value) if isinstance(value, str) else value

    def body(self, headers: str, body: bytes) -> bytes:
        """Conceal the secrets in a body as it is stored; a coded one comes decoded where it holds any."""
        content = decode_read(headers, body)
        content = body if content is None else content
        if not self._may_hold(content):
            return body
        text = content.decode(errors="surrogateescape")
        keeps_length = self._looks_inside and _BINARY.search(content) is not None
        shown = text
        secrets: set[str] = set()
        for name, value in body_pairs(content, content_type(headers)):
            secrets.update(self._secrets(value, name))
            if len(secrets) > _MOST_SECRETS:
                return self._withheld(body)
        for secret in sorted(secrets, key=len, reverse=True):
            if not any(written(secret) in text for written in _WRITTEN):
                return self._withheld(body)
            for written in _WRITTEN:
                old, new = written(secret), written(self._conceal(secret))
                if keeps_length:
                    size = len(old.encode(errors="surrogateescape"))
                    new = new[-size:].rjust(size, "-")
                shown = shown.replace(old, new)
        return body if shown == text else shown.encode(errors="surrogateescape")

    def text(self, text: str) -> str:
        """Conceal the secrets in a text about what was captured, such as the beginning of what was no HTTP."""
        return self.value("", _FIELD_LINE.sub(self._line, text))

    def _line(self, found: re.Match[str]) -> str:
        if not is_secret_header(found[1]):
            return found[0]
        # What the text quotes may end with it.
        value = found[3] if found.end() < len(found.string) else found[3].rstrip("'\"")
        return found[1] + found[2] + self.header(found[1], value) + found[3][len(value) :]


def _remembering(function: Callable[..., _T]) -> Callable[..., _T]:
    """Return a function of texts that remembers what came of short ones: but for few, exchanges repeat."""
    cached = lru_cache(maxsize=4096)(function)
    return lambda text, *more: (cached if len(text) <= _MOST_REMEMBERED else function)(text, *more)


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


def _wraps_secret(name: str, value: str) -> bool:
    """Tell whether a coding inside of a value wraps a secret."""
    findings = Findings()
    findings.look(_NOWHERE, value, hint=name)
    return any(finding.sensitivity == "secret" and finding.chain for finding in findings.all)


@lru_cache(maxsize=4096)
def is_secret_header(name: str) -> bool:
    """Tell whether the values of a header field are credentials, by its name."""
    return bool(_SECRET_HEADER.search(words_of(name.lower())))


@lru_cache(maxsize=4096)
def _is_secret_name(name: str) -> bool:
    words = words_of(name)
    return any(rule.hint is not None and rule.hint.search(words) for rule in RULES if rule.sensitivity == "secret")


def _mask(secret: str) -> str:
    return secret if is_fingerprint(secret) else masked(secret)


def is_fingerprint(text: str) -> bool:
    """Tell whether a text stands in place of a secret that was redacted, and so may be seen."""
    return _FINGERPRINT.fullmatch(text) is not None


_MASKING = Replacement(_mask, lambda _body: b"(masked, as it holds a secret)", looks_inside=False)

masked_exchange = _MASKING.exchange
masked_parts = _MASKING.parts
masked_header = _MASKING.header
masked_path = _MASKING.path
masked_params = _MASKING.params
masked_text = _MASKING.text
masked_value = _MASKING.value
masked_body = _MASKING.body
