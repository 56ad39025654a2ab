"""The rules by which secrets are known, but for those whose makers gave them a form; see `telemock.analysis.tokens`."""

import re

from telemock.analysis import plausible
from telemock.analysis.rule import Rule, form, named
from telemock.analysis.schemes import SCHEMES
from telemock.analysis.secret_names import (
    AUTHORIZATION_CODE,
    AUTHORIZATION_NAMES,
    CODE_NAME,
    COOKIE_NAMES,
    COOKIE_VALUE,
    OPAQUE_NAMES,
    SECRET_NAMES,
    SIGNATURE_NAMES,
    TOLD_HEADER_NAMES,
)

# What stands between a name and its value in a text, be it JSON in JSON.
_QUOTE = r"(?:\\{0,7}[\"'])?"
_IS = rf"{_QUOTE}\s{{0,8}}[:=]\s{{0,8}}"

# A character of a value in a text that its end can be told from: a quote, which may be escaped, ends it.
_CHARACTER = r"(?:[^\s\"'&;,\\]|\\(?!\\{0,7}[\"']))"
_QUOTED = r"(?:[^\"'\\]|\\(?!\\{0,7}[\"']))"
_OF_COOKIES = r"(?:[^\r\n\"'<>\\]|\r?\n[ \t]+(?=\S))"
_OF_BEARER = r"[\w.~+/=-]"


def _more(character: str) -> re.Pattern[str]:
    return re.compile(rf"{character}*+")


SECRET_RULES: tuple[Rule, ...] = (
    Rule(
        "secret",
        "high",
        re.compile(r"\A\S[^\0\n]{3,}\Z"),
        hint=named(SECRET_NAMES),
        accepts=plausible.is_secret,
    ),
    Rule(
        "secret",
        "high",
        form(r"\A[\w+/=.%~:\r\n-]{16,}\Z"),
        hint=named(OPAQUE_NAMES),
        accepts=plausible.is_opaque,
    ),
    Rule("secret", "high", form(r"\A[^\s\0]{6,}\Z"), hint=named(AUTHORIZATION_CODE), accepts=plausible.is_key),
    Rule(
        "secret",
        "high",
        form(r"\A[\w+/=%-]{20,}\Z"),
        hint=named(SIGNATURE_NAMES),
        accepts=plausible.is_signature,
    ),
    Rule(
        "secret",
        "high",
        form(r"\A[\w+/=.%~-]{24,}\Z"),
        hint=re.compile(rf"\A{CODE_NAME}\Z"),
        accepts=plausible.is_opaque,
    ),
    Rule(
        "secret",
        "high",
        re.compile(rf"\A(?:(?:{SCHEMES}) +)?(?P<it>\S[^\0\n]{{3,}})\Z", re.IGNORECASE),
        hint=named(AUTHORIZATION_NAMES),
        accepts=plausible.is_secret,
    ),
    Rule(
        "secret",
        "high",
        re.compile(rf"\A(?:(?:{SCHEMES}) +)?(?P<it>\S[^\0]{{2,}})\Z", re.IGNORECASE),
        hint=named(TOLD_HEADER_NAMES),
        accepts=plausible.is_credential,
    ),
    Rule("secret", "high", re.compile(r"\A\s*[^\s=;,\"']{1,256}=[^\0\n]+\Z"), hint=named(COOKIE_NAMES)),
    Rule(
        "secret",
        "high",
        re.compile(r"\A\S[^\0\n]{3,}\Z"),
        hint=named(COOKIE_VALUE),
        accepts=plausible.is_credential,
    ),
    Rule(
        "secret",
        "medium",
        form(
            r"(?:passw(?:or)?d|(?<![^\W_])(?:pwd|passphrase|(?:client[_ -]?)?secret|(?:api|access|secret)[_-]?key"
            r"|(?:(?:access|auth|api|refresh)[_-]?)?(?<!page_)(?<!next_)token))"
            rf"{_IS}[\[({{]?\s{{0,8}}{_QUOTE}(?P<it>{_CHARACTER}{{4,400}})",
            any_case=True,
        ),
        needs=":=",
        accepts=plausible.is_key,
        goes_on=_more(_CHARACTER),
    ),
    Rule(
        "secret",
        "medium",
        form(
            rf"(?:passw(?:or)?d|passphrase){_IS}"
            r"(?:\\{1,7}[\"']|[\"'])"
            rf"(?P<it>{_QUOTED}{{4,400}})",
            any_case=True,
        ),
        needs=":=",
        accepts=plausible.is_credential,
        goes_on=_more(_QUOTED),
    ),
    Rule(
        "secret",
        "medium",
        form(
            rf"(?<![\w-])(?:proxy-|http_)?authorization{_IS}{_QUOTE}(?:(?:{SCHEMES})[ ]+)?"
            rf"(?P<it>{_CHARACTER}{{4,400}})",
            any_case=True,
        ),
        needs=":=",
        accepts=plausible.is_key,
        goes_on=_more(_CHARACTER),
    ),
    Rule(
        "secret",
        "medium",
        form(
            rf"(?<![\w-])(?:set-|http_)?cookie2?{_IS}{_QUOTE}"
            rf"(?P<it>[^\s\"'=;,<>\\]{{1,256}}={_OF_COOKIES}{{1,400}})",
            any_case=True,
        ),
        needs=":=",
        goes_on=_more(_OF_COOKIES),
    ),
    Rule(
        "secret",
        "high",
        form(r"[?&](?:sig|signature|X-(?:Amz|Goog)-Signature)=(?P<it>[\w%+/=-]{40,400})", any_case=True),
        needs="?",
    ),
    Rule(
        "secret",
        "high",
        form(r"(?<![^/])(?:services/T\w{6,12}/B\w{6,12}|webhooks/\d{15,20})/(?P<it>[\w-]{20,100})(?![^/?])"),
        needs="/",
    ),
    Rule(
        "secret",
        "medium",
        form(rf"(?<!\w)(?:Bearer|Basic) (?P<it>{_OF_BEARER}{{12,400}})"),
        needs="B",
        accepts=plausible.is_key,
        goes_on=_more(_OF_BEARER),
    ),
)
