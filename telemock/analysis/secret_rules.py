"""The rules by which secrets are known, but for those whose makers gave them a form; see `telemock.analysis.tokens`."""

import re

from telemock.analysis import plausible
from telemock.analysis.rule import Accepts, Rule, anything, form, named
from telemock.analysis.schemes import SCHEMES
from telemock.analysis.secret_names import (
    AUTHORIZATION_CODE,
    AUTHORIZATION_NAMES,
    AUTHORIZATION_STATE,
    CARD_CODE_NAMES,
    CODE_NAME,
    COOKIE_NAMES,
    COOKIE_VALUE,
    KEY_NAMES,
    ONE_TIME_NAMES,
    OPAQUE_NAMES,
    OTHER_KEY_NAMES,
    PAIRED_KEY_NAMES,
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


def _by_name(hint: re.Pattern[str], pattern: re.Pattern[str], accepts: Accepts) -> Rule:
    """Make the rule for the values of fields of such names."""
    return Rule("secret", "high", pattern, hint=hint, accepts=accepts)


def _told(name: str, pattern: str, character: str, accepts: Accepts = anything) -> Rule:
    """Make the rule for what stands in a text behind its name; `character` is what its value is made of."""
    return Rule(
        "secret", "medium", form(pattern, any_case=True), f"(?i){name}", accepts=accepts, goes_on=_more(character)
    )


SECRET_RULES: tuple[Rule, ...] = (
    _by_name(
        named(SECRET_NAMES),
        re.compile(r"\A\S[^\0\n]{3,}\Z"),
        accepts=plausible.is_secret,
    ),
    _by_name(named(KEY_NAMES), re.compile(r"\A\S[^\0\n]{3,}\Z"), accepts=plausible.is_unnamed),
    _by_name(named(OTHER_KEY_NAMES), form(r"\A[\w+/=.~:-]{20,}\Z"), accepts=plausible.is_random),
    _by_name(named(PAIRED_KEY_NAMES), form(r"\A[\w+/-]{42,86}={1,2}\Z"), accepts=plausible.is_opaque),
    _by_name(named(ONE_TIME_NAMES), form(r"\A[\w-]{4,16}(?: [\w-]{3,8}){0,3}\Z"), accepts=plausible.is_one_time),
    _by_name(named(CARD_CODE_NAMES), form(r"\A\d{3,4}\Z"), accepts=anything),
    _by_name(
        named(OPAQUE_NAMES),
        form(r"\A[\w+/=.%~:\r\n-]{16,}\Z"),
        accepts=plausible.is_opaque,
    ),
    _by_name(named(AUTHORIZATION_CODE), form(r"\A[^\s\0]{6,}\Z"), accepts=plausible.is_code),
    _by_name(named(AUTHORIZATION_STATE), form(r"\A[^\s\0]{8,}\Z"), accepts=plausible.is_random),
    _by_name(
        named(SIGNATURE_NAMES),
        form(r"\A[\w+/=%-]{20,}\Z"),
        accepts=plausible.is_signature,
    ),
    _by_name(
        re.compile(rf"^{CODE_NAME}$"),
        form(r"\A[\w+/=.%~-]{20,}\Z"),
        accepts=plausible.is_opaque,
    ),
    _by_name(
        named(AUTHORIZATION_NAMES),
        re.compile(rf"\A(?:(?:{SCHEMES}) +)?(?P<it>\S[^\0\n]{{3,}})\Z", re.IGNORECASE),
        accepts=plausible.is_authorization,
    ),
    _by_name(
        named(TOLD_HEADER_NAMES),
        re.compile(rf"\A(?:(?:{SCHEMES}) +)?(?P<it>\S[^\0]{{2,}})\Z", re.IGNORECASE),
        accepts=plausible.is_credential,
    ),
    Rule("secret", "high", re.compile(r"\A\s*[^\s=;,\"']{1,256}=[^\0\n]+\Z"), hint=named(COOKIE_NAMES)),
    _by_name(
        named(COOKIE_VALUE),
        re.compile(r"\A\S[^\0\n]{3,}\Z"),
        accepts=plausible.is_credential,
    ),
    _told(
        "passwo?r?d|passphrase",
        rf"(?:passw(?:or)?d|passphrase){_IS}"
        r"(?:\\{1,7}[\"']|[\"'])"
        rf"(?P<it>{_QUOTED}{{4,400}})",
        _QUOTED,
        accepts=plausible.is_credential,
    ),
    _told(
        "authorization",
        rf"(?<![\w-])(?:proxy-|http_)?authorization{_IS}{_QUOTE}(?:(?:{SCHEMES})[ ]+)?"
        rf"(?P<it>{_CHARACTER}{{4,400}})",
        _CHARACTER,
        accepts=plausible.is_key,
    ),
    _told(
        "cookie",
        rf"(?<![\w-])(?:set-|http_)?cookie2?{_IS}{_QUOTE}"
        rf"(?P<it>[^\s\"'=;,<>\\]{{1,256}}={_OF_COOKIES}{{1,400}})",
        _OF_COOKIES,
    ),
    Rule(
        "secret",
        "high",
        form(r"[?&](?:sig|signature|X-(?:Amz|Goog)-Signature)=(?P<it>[\w%+/=-]{40,400})", any_case=True),
        needs="(?i)[?&](?:sig|signature|X-(?:Amz|Goog)-Signature)=",
    ),
    Rule(
        "secret",
        "high",
        form(r"(?<![^/])(?:services/T\w{6,12}/B\w{6,12}|webhooks/\d{15,20})/(?P<it>[\w-]{20,100})(?![^/?])"),
        needs="services/T|webhooks/[0-9]",
    ),
    Rule(
        "secret",
        "medium",
        form(rf"(?<!\w)(?:Bearer|Basic) (?P<it>{_OF_BEARER}{{12,400}})"),
        needs="(?:Bearer|Basic) ",
        accepts=plausible.is_key,
        goes_on=_more(_OF_BEARER),
    ),
)
