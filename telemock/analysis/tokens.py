"""This is where keys and tokens are known by their form: those of detect-secrets (Yelp), and younger ones.

It refuses to ask their services whether they still open anything; the part of that library that does is not called.
"""

import re
from collections.abc import Iterator
from functools import cache
from itertools import chain
from typing import Any

from telemock.analysis.may_hold_secret import may_hold_secret

# Shorter texts hold none of the tokens that are known.
_LEAST = 11

# What must be in a text, in small letters, for one of the plugins to find something; one search instead of forty.
_HINT = re.compile(
    r"a(?:kc|p[0-9a-f]|3t|bia|cca|kia|sia|c[a-z0-9]|ws|ccountkey)|sk[a-z0-9]|cloudant|[mno][\w-]{23}"
    r"|eyj|-us\d|private key|pypi-|sg\.|xox|hooks\.slack|softlayer|sq0csp"
    r"|k_live_|\d:[\w-]{35}",
    re.ASCII,
)

# What must be in a text, in small letters, for a plugin to find something that would look long for it in vain.
_OWN_HINTS = {
    "Artifactory Credentials": re.compile(r"akc[a-z0-9]{10}|ap[0-9a-f][a-z0-9]{8}"),
    "Cloudant Credentials": re.compile(r"cl(?:ou(?:dant)?)?[_-]?(?:api)?(?:key|pw|pass|token)|cloudant\.com"),
    "IBM Cloud IAM Key": re.compile(r"[=:> \"'][a-z0-9_-]{44}(?![a-z0-9_-])"),
    "IBM COS HMAC Credentials": re.compile(r"secret[_-]?(?:access)?[_-]?key"),
    "Mailchimp Access Key": re.compile(r"-us[0-9]"),
    "Slack Token": re.compile(r"xox[abposr]-|hooks\.slack"),
    "SoftLayer Credentials": re.compile(r"softlayer|sl[_-]?(?:api)?[_-]?(?:key|pwd|pass|token)"),
    "Telegram Bot Token": re.compile(r":[a-z0-9_-]{35}"),
}

# Tokens whose makers gave them a beginning by which leaks are found, as their documentation describes it.
_BEGINNINGS = re.compile(
    r"(?<![\w-])(?:AIza[\w-]{35}|github_pat_\w{22,255}|npm_\w{36}|hv[sb]\.[\w-]{24,300}|dop_v1_[0-9a-f]{64}"
    r"|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|glsa_\w{32,64}|hf_[A-Za-z]{34}|dapi[0-9a-f]{32}|NRAK-[A-Z0-9]{27}"
    r"|PMAK-[0-9a-f]{24}-[0-9a-f]{34}|dt0c01\.[A-Z0-9]{24}\.[A-Z0-9]{64}|AGE-SECRET-KEY-1[A-Z0-9]{58}"
    r"|ya29\.[\w-]{20,500}|(?:sk-(?:ant|proj|svcacct|admin|or)-|dckr_pat_|phx_|tskey-|ATATT3|figd_|gsk_)[\w-]{20,300}=?|[rs]k_live_\w{16,250}"
    r"|whsec_[\w+/=]{24,100}|(?:sbp|rubygems)_[0-9a-f]{40,64}|pul-[0-9a-f]{40}|lin_api_\w{40}|sntrys_[\w+/=]{40,500}|sk-[\w-]{20,200}T3BlbkFJ[A-Za-z0-9]{20}"
    r"|secret-[A-Za-z0-9]{32,64}|(?<=/:_authToken=)[A-Fa-f0-9-]{36})(?![\w-])"
    r"|(?<!\d)\d{8,10}:AA[\w-]{33}(?![\w-])"
    r"|gh[pousr]_\w{36,255}|GR1348941[\w-]{20,300}"
    r"|gl(?:pat|dt|ft|soat|rt|cbt|imt|ptt|agent|oas)-[\w-]{20,1024}(?:\.[0-9a-z]{2}\.[0-9a-z]{9})?",
    re.ASCII,
)

# Some of what these know are words as often, unless there are digits in them.
_LOOSE = frozenset(("Artifactory Credentials", "Twilio API Key"))

_JWT = "JSON Web Token"
_JWTS = re.compile(r"(?<![\w-])eyJ[\w=-]+\.[\w=-]+\.?[\w.+/=-]*", re.ASCII)

# What the first four find is something else here: addresses are not secrets, and names are known better. The next two
# take a time that grows with the square of a text's length, and the last two tell only how a token begins, not which;
# above there is what they look for; of URLs, `url_secrets` knows more.
_LEFT_OUT = frozenset(
    (
        "Public IP (ipv4)",
        "Secret Keyword",
        "Base64 High Entropy String",
        "Hex High Entropy String",
        "OpenAI Token",
        "NPM tokens",
        "GitHub Token",
        "GitLab Token",
        "Basic Auth Credentials",
    )
)


# A private key in its armour, whose words a form may still have coded; without an end it goes on to the text's.
_KEY_BEGINS = re.compile(
    r"-{4,5} ?BEGIN(?: |\+|%20)(?:[A-Z0-9]{1,20}(?: |\+|%20)){0,4}PRIVATE(?: |\+|%20)KEY"
    r"(?:(?: |\+|%20)BLOCK)? ?-{4,5}"
)
_KEY_ENDS = re.compile(_KEY_BEGINS.pattern.replace("BEGIN", "END"))


def private_keys(text: str) -> Iterator[tuple[int, str]]:
    """Yield each private key in armour (RFC 7468, RFC 4716, OpenPGP) from its first line to its last, with its place.

    The time it takes grows with the length of the text.
    """
    start = 0
    while "PRIVATE" in text and (begins := _KEY_BEGINS.search(text, start)):
        ends = _KEY_ENDS.search(text, begins.end())
        start = ends.end() if ends else len(text)
        yield begins.start(), text[begins.start() : start]


def find_tokens(text: str) -> Iterator[str]:
    """Give each key or token in a text."""
    if len(text) < _LEAST or not may_hold_secret(text):
        return
    yield from (match[0] for match in _BEGINNINGS.finditer(text))
    small = text.lower()
    if not _HINT.search(small):
        return
    for plugin in _plugins():
        hint = _OWN_HINTS.get(plugin.secret_type)
        if hint is not None and not hint.search(small):
            continue
        # What begins anew in the middle of a word is no JSON Web Token, but would be tried at each of its beginnings.
        parts = _JWTS.findall(text) if plugin.secret_type == _JWT else [text]
        for token in chain.from_iterable(map(plugin.analyze_string, parts)):
            if plugin.secret_type not in _LOOSE or sum(map(str.isdigit, token)) >= 3:
                yield token


@cache
def _plugins() -> list[Any]:
    """Load the plugins; they take 100 ms, which only texts with something like a token need to pay."""
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class  # noqa: PLC0415

    plugins: dict[str, Any] = get_mapping_from_secret_type_to_class()
    return [plugin() for name, plugin in plugins.items() if name not in _LEFT_OUT]
