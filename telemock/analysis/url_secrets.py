"""Secrets in URLs: passwords and tokens before the host (RFC 3986 section 3.2.1), tokens in paths, codes of OAuth.

The time it takes grows with the length of the text.
"""

import re
from collections.abc import Iterator

from telemock.analysis.names import words_of
from telemock.analysis.plausible import is_code, is_placeholder, is_random
from telemock.analysis.secret_names import CODE_NAME, may_name_secret, parameter_hint

# Who asks. A password has characters that should have been escaped as often as not, but a number is a port.
_USER = r"://[^\s/?#:@\[\]\"'<>\\]{0,256}+"
_PORT = r"\d{1,5}(?:[/?#,;)\]}\"'\s]|\Z)"
_HOST = r"@(?=(?:[\w.~%-]{1,253}|\[[\w:.%]{2,64}\])(?:[/:?#,;)\]}>\"'\s\\]|\Z))"
_PASSWORD = re.compile(
    rf"{_USER}:(?!{_PORT})(?:(?P<it>[^\s/?#\"'<>\\]{{1,256}}?){_HOST}|(?P<odd>[^\s\"<>\\]{{1,256}}?){_HOST})"
)
_WHOLE = re.compile(rf"\A[A-Za-z][\w+.:-]{{1,64}}{_USER}:(?!{_PORT})(?P<it>\S{{1,256}}?){_HOST}\S*\Z")
# The public key of a project stands there as well, in 32 hexadecimal digits.
_TOKEN = re.compile(r"://(?![0-9a-f]{32}@)(?P<it>[\w.~%+=-]{16,256}+)(?::(?:x-oauth-basic)?)?@(?=[\w\[])")

# What stands beside a token that is sent as the name of a user.
_BESIDE_ANOTHER = "x-oauth-basic"

# A segment of a path, and the one behind it, which nobody chose: `/token/aB3d…`.
_SEGMENTS = re.compile(r"/(?P<name>[\w.-]{2,64})(?=/(?P<it>[\w~%=-]{16,256})\.?(?:[/?#;,)\]}\"'<>\s\\]|\Z))", re.ASCII)

# What takes the user back from where he logged in is told by its parameters, or by its path.
_BETWEEN = re.compile(r"[^\s\"'<>\\]+")
_PARAMETER = re.compile(r"(?<=[?&#])(?P<name>[\w.]{1,64})=(?P<it>[^&#]*)")
_GOES_BACK = re.compile(r"callback|oauth|oidc|redirect|authorize|/cb(?![^/?#])|sign-?in|log-?in|sso", re.IGNORECASE)


def url_secrets(text: str) -> Iterator[tuple[int, str]]:
    """Yield each secret in the URLs in a text, with its place."""
    if "://" in text and "@" in text:
        yield from _before_hosts(text)
    for found in _SEGMENTS.finditer(text) if "/" in text else ():
        if is_random(found["it"], "") and may_name_secret(words_of(found["name"])):
            yield found.start("it"), found["it"]
    if "code=" in text and ("?" in text or "#" in text):
        for url in _BETWEEN.finditer(text):
            if "code=" in url[0]:
                yield from ((url.start() + start, secret) for start, secret in _codes(url[0]))


def _before_hosts(text: str) -> Iterator[tuple[int, str]]:
    whole = _WHOLE.match(text)
    for found in (whole,) if whole else _PASSWORD.finditer(text):
        group = "it" if found["it"] is not None else "odd"
        if found[group] != _BESIDE_ANOTHER and not is_placeholder(found[group]):
            yield found.start(group), found[group]
    for found in _TOKEN.finditer(text):
        if is_random(found["it"], ""):
            yield found.start("it"), found["it"]


def _codes(url: str) -> Iterator[tuple[int, str]]:
    pairs = [*_PARAMETER.finditer(url)]
    names = {pair["name"].lower() for pair in pairs}
    goes_back = _GOES_BACK.search(url, 0, pairs[0].start() if pairs else 0) is not None
    for pair in pairs:
        name = pair["name"].lower()
        if parameter_hint(name, names) != name or (name == CODE_NAME and goes_back):
            accepts = is_code if name == CODE_NAME else is_random
            if len(pair["it"]) >= 6 and accepts(pair["it"], ""):
                yield pair.start("it"), pair["it"]


def replace_short(text: str, short: str, other: str) -> str:
    """Put something in place of a short text before the host of a URL, or wherever no letters stand beside it."""
    old = re.escape(short)
    for pattern in (rf"(?:(?<=:)|(?<=%3A)|(?<=%3a)){old}(?=@|%40)", rf"(?<!\w){old}(?!\w)"):
        shown, count = re.subn(pattern, lambda _: other, text)
        if count:
            return shown
    return text.replace(short, other)
