"""Puts something else in place of secrets, wherever in an exchange or in a text about one they stand.

The rules say what a secret is; this says where in an exchange it stands. All functions and methods here may be called
from any thread.
"""

import codecs
import json
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from functools import lru_cache
from operator import attrgetter
from typing import Any, TypeVar
from urllib.parse import quote

from telemock.analysis.header_values import conceal_cookies, conceal_credentials, conceal_set_cookie
from telemock.analysis.json_numbers import conceal_numbers, is_json_number
from telemock.analysis.may_hold_secret import may_hold_secret
from telemock.analysis.names import words_of
from telemock.analysis.occurrences import SHORT, replace_all, replace_secrets
from telemock.analysis.plausible import tells_of_credential
from telemock.analysis.secret_names import is_secret_header, parameter_hint, parameter_hints
from telemock.analysis.value_secrets import MOST_SECRETS, secrets_or_wrapped, secrets_seen
from telemock.codings import decode_pair, decode_read
from telemock.exchange import Exchange, compact_json, header_pairs
from telemock.fields import content_type, read_body

_T = TypeVar("_T")

# Longer texts are not remembered.
_MOST_REMEMBERED = 2048

# A header field in text, whose ends of lines may stand escaped as in a Python literal; it may be folded.
_FIELD_LINE = re.compile(
    r"(?:(?<=\\[rn])|(?<![\w\\-]))([\w-]{1,100})( {0,8}: *)"
    r"((?:[^\\\r\n]|\\(?![rn])|(?:\\[rn]|[\r\n])+(?: |\t|\\t))+)"
)

# A query or a form in text; what it quotes ends with a quote.
_PAIRS = re.compile(r"(?<![\w.%\[\]-])[\w.%\[\]-]{1,100}=[^\s'\"&;,\\]+(?:&[^\s'\"&;,\\]*)*")

# What no text has: where these are, the length of what stands between them may be told elsewhere.
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")

_FINGERPRINT = re.compile(r"redacted-[0-9a-f]{16}")

# How text in UTF-16 and UTF-32 begins, the longer marks first.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# A problem tells what was wrong with a value at its end, and not all of it where that is long.
_CUT_VALUE = re.compile(r"(?s)( Got )(.*)(\.\.\.\.)")

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
    "version",
    "guid",
    "env",
    "session_id",
    "problems",
)

# What the profile read, each under the name of a field.
_READ = ("version", "guid", "env", "session_id")

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
        self.read = lru_cache(maxsize=1024)(self._read_parts)
        self.headers = _remembering(self._headers)
        self.path = _remembering(self._path)
        self._secrets = _remembering(secrets_or_wrapped if looks_inside else secrets_seen)

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
        *read: Any,
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
        return path, query, params, *others, *self.read(*read)

    def _read_parts(self, *parts: Any) -> tuple[Any, ...]:
        """Conceal the secrets in what the profile read, under the names of `_READ`, and in what it found wrong."""
        *read, problems = parts
        shown = [
            self.value(name, value) if isinstance(value, str) else value
            for name, value in zip(_READ, read, strict=True)
        ]
        return *shown, self._problems(problems) if isinstance(problems, str) else problems

    def _problems(self, text: str) -> str:
        """Conceal the secrets in the JSON array of what is wrong with an exchange, which quotes values."""
        try:
            problems = json.loads(text)
        except (ValueError, RecursionError):
            return self.text(text)
        if not isinstance(problems, list):
            return self.text(text)
        shown = [self._problem(each) if isinstance(each, str) else each for each in problems]
        return text if shown == problems else compact_json(shown)

    def _problem(self, problem: str) -> str:
        cut = _CUT_VALUE.search(problem)
        if cut is not None and may_hold_secret(cut[2]):  # the form of a secret may have been lost with its end
            return problem[: cut.start()] + cut[1] + self._conceal(cut[2]) + cut[3]
        return self.text(problem)

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
        """Return whether a text needs looking at."""
        return self._looks_inside or may_hold_secret(text)

    def _headers(self, text: str) -> str:
        """Conceal headers as an exchange keeps them: JSON of names and values."""
        pairs = header_pairs(text)
        if not pairs:
            return self.text(text)  # people may edit the file; it is theirs
        shown = [(name, self.header(name, value)) for name, value in pairs]
        return text if shown == pairs else compact_json(shown)

    def header(self, name: str, value: str) -> str:
        """Conceal the value of a header field: of cookies each value, of credentials all but their scheme."""
        lower = name.lower()
        if lower == "cookie":
            return conceal_cookies(value, self._conceal)
        if lower == "set-cookie":
            return conceal_set_cookie(value, self._conceal)
        is_credential = is_secret_header(name) and not tells_of_credential(value, words_of(lower))
        return conceal_credentials(value, self._conceal) if is_credential else self.value(name, value)

    def value(self, name: str, value: str) -> str:
        """Conceal the secrets in the decoded value of a field."""
        secrets = self._secrets(value, name)
        if not secrets:
            return value
        shown = replace_secrets(value, secrets, self._conceal) if len(secrets) <= MOST_SECRETS else None
        return self._conceal(value) if shown is None else shown

    def _path(self, path: str) -> str:
        """Conceal the secrets in a path: tokens of bots, signatures, keys that stand between slashes."""
        if not self._may_hold(path):
            return path
        secrets = self._secrets(path, "")
        if len(secrets) > MOST_SECRETS:
            return "/" + self._conceal(path[1:]).replace("…", "*")

        def concealed(secret: str) -> str:
            return self._conceal(secret).replace("…", "*")

        return replace_all(path, [(secret, concealed(secret)) for secret in secrets], concealed)

    def query(self, query: str) -> str:
        """Conceal the secrets in a query as it was received."""
        return self._query(query, len(query))[0]

    def _query(self, query: str, most: int) -> tuple[str, int]:
        """Conceal them in a query, and count the pairs that have some; behind more than so many, the rest is left."""
        items = query.split("&")
        concealed = 0
        hint = parameter_hints(query, lambda: [decode_pair(item)[0] for item in items])
        for place, item in enumerate(items):
            if item:
                name, value = decode_pair(item)
                shown = self.value(hint(name) if hint else name, value)
                if shown != value:
                    items[place] = item.partition("=")[0] + "=" + quote(shown, safe="*:/", errors="surrogatepass")
                    concealed += 1
                    if concealed > most:
                        break
        return "&".join(items), concealed

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
        hint = parameter_hints(text, lambda: params)
        shown = {name: self._member(hint(name) if hint else name, value) for name, value in params.items()}
        return text if shown == params else compact_json(shown)

    def _member(self, name: str, value: Any) -> Any:
        if isinstance(value, list):
            return [self._member(name, each) for each in value]
        return self.value(name, value) if isinstance(value, str) else value

    def body(self, headers: str, body: bytes) -> bytes:
        """Conceal the secrets in a body as it is stored; a coded one comes decoded where it holds any."""
        decoded = decode_read(headers, body)
        content = _in_utf8(body if decoded is None else decoded)
        if not self._may_hold(content):
            return body
        kind = content_type(headers)
        leaves, _, is_whole = read_body(content, kind)
        if not is_whole:
            return self._withheld(body)
        secrets: set[str] = set()
        beside = {name for name, _, _ in leaves}
        hints = {name: parameter_hint(name, beside) for name in beside}
        for name, value in dict.fromkeys((name, value) for name, value, _ in leaves):
            secrets.update(self._secrets(value, hints[name]))
            if len(secrets) > MOST_SECRETS:
                return self._withheld(body)
        if not secrets:
            return body
        text = content.decode(errors="surrogateescape")
        is_binary = _BINARY.search(content) is not None
        is_json = not is_binary and text.lstrip()[:1] in ("{", "[")
        numbers = {each for each in secrets if is_json and is_json_number(each)}
        keeps_length = self._looks_inside and is_binary
        shown = replace_secrets(text, secrets - numbers, self._conceal, keeps_length=keeps_length)
        if shown is None:
            return self._withheld(body)
        concealed = (conceal_numbers(shown, numbers, self._conceal) if numbers else shown).encode(
            errors="surrogateescape"
        )
        return self._withheld(body) if self._holds(concealed, kind, secrets, numbers) else concealed

    def _holds(self, content: bytes, kind: str, secrets: Iterable[str], numbers: Collection[str]) -> bool:
        """Return whether a secret stands otherwise in a body, too: in JSON each letter may be escaped."""
        changed = [each for each in secrets if len(each) >= SHORT and self._conceal(each) != each]
        whole = [re.compile(rf"(?<![\d.]){re.escape(each)}(?![\d.])") for each in changed if each in numbers]
        others = [each for each in changed if each not in numbers]
        for _, value, _ in read_body(content, kind).leaves:
            left = _FINGERPRINT.sub("", value) if "redacted-" in value else value
            if any(each in left for each in others) or any(each.search(left) for each in whole):
                return True
        return False

    def text(self, text: str) -> str:
        """Conceal the secrets in a text about what was captured, such as the beginning of what was no HTTP.

        A text with very many is concealed whole, as a value is.
        """
        left = MOST_SECRETS

        def line(found: re.Match[str]) -> str:
            nonlocal left
            shown = self._line(found) if left >= 0 else found[0]
            left -= shown != found[0]
            return shown

        def pairs(found: re.Match[str]) -> str:
            nonlocal left
            shown, concealed = self._query(found[0], left) if left >= 0 else (found[0], 0)
            left -= concealed
            return shown

        shown = _PAIRS.sub(pairs, _FIELD_LINE.sub(line, text))
        return self.value("", shown) if left >= 0 else self._conceal(text)

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
    """Write into headers that the coding of their content was undone."""
    coded = "content-encoding"
    pairs = [(f"({name} undone)" if name.lower() == coded else name, value) for name, value in header_pairs(headers)]
    return compact_json(pairs) if coded in headers.lower() else headers


def _in_utf8(content: bytes) -> bytes:
    """Return text as UTF-8 that says in its first bytes that it is otherwise."""
    coding = next((coding for mark, coding in _MARKS if content.startswith(mark)), None)
    try:
        return content if coding is None else content.decode(coding).encode()
    except UnicodeError:
        return content


def is_fingerprint(text: str) -> bool:
    """Return whether a text stands in place of a secret that was redacted, and so may be seen."""
    return _FINGERPRINT.fullmatch(text) is not None
