"""Names of fields whose values are secrets: their own, those of what they stand in, and those of header fields.

A name is read as its words, see `telemock.analysis.names.words_of`: `$.cloud.apiKey` has `cloud api key`.
"""

import re
from collections.abc import Callable, Collection
from functools import lru_cache, partial
from typing import NamedTuple

from telemock.analysis.names import parts_of, words_of
from telemock.analysis.pattern_set import PatternSet

# Names of passwords, which may be words.
NAMES_OF_PASSWORDS = (
    r"(?:user|db|smtp|ftp|login|admin) ?pass|(?:[a-z]{0,16}password|pass ?word|passwd|[a-z]{0,8}pwd|pswd|pass ?phrase"
    r"|passcode|(?:seed|mnemonic|recovery|backup) ?phrase|(?:client|consumer) ?secret)s?"
    r"(?: ?(?:confirm(?:ation)?|repeat|again|hash|digest|new|old|current|plain|text|\d))?"
)

# Names of whatever opens something by itself.
SECRET_NAMES = (
    rf"{NAMES_OF_PASSWORDS}|pass|[a-z]{{0,16}}secrets?|credentials?|creds|(?:[a-z]{{1,8}} )?psk"
    r"|bearer|connect sid|[a-z]*sessid|jsessionid"
    r"|asp net sessionid|code ?verifier|(?:csrf|xsrf)(?: (?:key|value|middlewaretoken))?"
    r"|[a-z]{0,16}token|(?:access|api|auth|refresh|id|device|push|session|bearer) tokens"
    r"|[a-z]{0,8}(?:api|secret|access|private)keys?"
    r"|(?:secret|api|access|private|auth|encryption|decryption|signing|hmac|shared|ssh|webhook) ?keys?|honeycomb team"
)

# Names of keys that may as well be names themselves, which somebody chose: `editor.main`.
KEY_NAMES = (
    r"(?:write|source|server|sdk|ingest(?:ion)?|insert|license|instrumentation|subscription|functions?|master"
    r"|app(?:lication)?|consumer|integration|storage|sentry|deploy|admin|account|activation|product|client|customer"
    r"|merchant|service|tenant|team|device|agent|security|session|recovery|root|wallet|vault|registration) ?keys?|ikey"
)

# Names of any other keys, which open something only where nobody would have chosen them.
OTHER_KEY_NAMES = r"[a-z\d]+ keys?"

# Which of two equal keys it is, or the first columns of a table.
PAIRED_KEY_NAMES = r"(?:primary|secondary) ?keys?"

# Names of what stands on the back of a card.
CARD_CODE_NAMES = r"(?:card )?(?:cvv|cvc|cvn|csc)2?|card ?(?:security|verification) ?(?:code|value)"

# Names of what is typed in once, beside a password or instead of one.
ONE_TIME_NAMES = (
    r"(?:[ht])?otp(?: (?:code|token|pin|password|value))?"
    r"|(?:mfa|totp|2fa|(?:two|second|multi) ?factor|verification|sms|one time|login|backup|recovery)"
    r" ?(?:auth(?:entication)? ?)?(?:codes?|token|pin|pass ?(?:code|word))"
    r"|pin(?: ?code)?|pass ?code|user code"
)

AUTHORIZATION_NAMES = r"(?:proxy |http )?authorization"

# Names of what opens something, or says that it was signed, where it looks as if nobody had chosen it.
OPAQUE_NAMES = (
    r"[a-z]{0,8}hmac(?: sha \d{1,3})?|(?:auth(?:orization)?|oauth|device) ?code"
    r"|pass ?key|(?:[a-z]{1,16} )?pat|assertion|saml ?(?:request|response|art)|jwt|sas|access ?key ?id"
    r"|shared access signature|auth"
)

SIGNATURE_NAMES = r"(?:parameter|oauth|amz|goog) (?:sig|signature)"

# Beside which other parameters a code is one of OAuth (RFC 6749), and no error's, and a state the client's own secret.
CODE_NAME = "code"
_OF_REQUESTS = ("grant_type", "redirect_uri", "code_verifier")
_CODE_COMPANIONS = (*_OF_REQUESTS, "state", "session_state")
_STATES = ("state", "session_state", "nonce")
_STATE_COMPANIONS = ("code", "redirect_uri", "client_id", "response_type")
AUTHORIZATION_CODE = "authorization code"
AUTHORIZATION_STATE = "authorization state"
_HINTED = ("sig", "key", CODE_NAME, "state", "nonce")

# Whoever has a URL with one of these may do what it says; elsewhere a signature only says who wrote something, and a
# key is what something is found by.
_OF_URLS = frozenset(("sig", "signature", "key"))

# Header fields whose values are credentials whatever they look like.
_HEADER_NAMES = (
    rf"[a-z]{{0,16}}authorization|authentication|cookies?|cookie2|auth|{ONE_TIME_NAMES}|csrf|xsrf"
    r"|[a-z]{0,16}tokens?|[a-z]{0,16}secret|pass(?:word|wd|phrase)?|pwd|credentials?|assertion|code verifier"
    r"|signature(?: \d{1,3})?|hmac sha \d{1,3}|session(?: id)?|[a-z]{0,8}apikey|dpop|honeycomb team|keys?"
)
_HEADER = re.compile(rf"(?:^| )(?:{_HEADER_NAMES})$")

# Names that end as those of secrets do, and are none: what is counted, what tells whether there is one, which way a
# flag decides, where a list goes on, what a text is made of, and what something is found by.
_NO_SECRET = re.compile(
    r"(?:^| )(?:"
    r"(?:has|have|had|is|are|uses|needs|requires|supports|with|without|feature) (?:[a-z\d]+ ){0,3}[a-z\d]+"
    r"|(?:per|to) (?:[a-z]+ )?tokens?"
    r"|(?:max|min|total|num|prompt|completion|input|output|cached?|reasoning|generated|used|remaining|limit|average|avg"
    r"|context|audio|image|text) tokens?|reset tokens"
    r"|support pin(?: ?code)?"
    r"|(?:page|next|nextpage|cursor|sync|continuation|pagination|resume|change|watch|since|delta|skip|scroll"
    r"|cancel|cancellation|idempotency|stop|bos|eos|pad|unk|mask|sep|cls|design|color|theme"
    r"|syntax) ?token"
    r"|(?:socket|idempotency|cache|surrogate|public|publishable|site|foreign|sort|order|partition|shard|row|range|hash"
    r"|index|unique|natural|composite|group|bucket|object|s3|blob|file|dedup(?:lication)?|dedupe|lookup|map|registry"
    r"|translation|message|i18n|l10n|label|title|text|feature|flag|experiment|variant|event|metric|setting"
    r"|settings|config|preference|pref|property|attribute|field|column|table|record|item|node|entity|document|query"
    r"|route|view|tab|menu|page|panel|widget|component|element|react|list|tree|issue|hot|shortcut|modifier|arrow|enter"
    r"|escape|trace|span|sampling|template|style|icon|asset|image|media|category|tag|state|event|job|task|queue|lock"
    r"|data ?set|chart|series|dimension|header|env|variable) ?keys?"
    r")$"
)

# Names of fields that tell of header fields: members of what is called headers, and variables of CGI (RFC 3875).
TOLD_HEADER_NAMES = rf"(?:[a-z]+ ?)?headers? (?:[\w ]{{1,60}} )?(?:{_HEADER_NAMES})|http (?:cookies?|authorization)"
COOKIE_NAMES = r"cookies?|cookie2"

# The words of each member of what is called cookies.
COOKIE_VALUE = "cookie value"

_OUTER = re.compile(rf"(?:^| )(?:{SECRET_NAMES}|{KEY_NAMES}|{AUTHORIZATION_NAMES}|{TOLD_HEADER_NAMES})$")
_ALONE = re.compile(rf"(?:^| )(?:{ONE_TIME_NAMES}|{CARD_CODE_NAMES}|{OPAQUE_NAMES}|{OTHER_KEY_NAMES})$")
_PASSWORDS = re.compile(rf"(?:^| )(?:{NAMES_OF_PASSWORDS})$")
_COOKIES = re.compile(r"(?:^| )cookies$")
# Something of this is in all names that say that values are secrets, whether their own or of what stands in them.
_MAY_SAY_SECRET = PatternSet(
    r"(?i)pass|pwd|pswd|phrase|secret|token|key|cred|auth|cookie|header|bearer|sessid|sid|sessionid|otp|code|pin|csrf|xsrf"
    r"|mfa|2fa|factor|verifier|assertion|saml|jwt|hmac|sas|cvv|cvc|cvn|csc|card|sig|honeycomb|psk|pat"
)

# What stands in a secret and is the secret itself.
_VALUE = re.compile(r"v|vals?|values?|text|string|str|data|raw|content|current|old|new|plain|secret|\d{1,9}|t|cdata|")

# What only tells of a secret that it stands in, or of a cookie, by its last word.
_ABOUT = re.compile(
    r"(?:.* )?(?:access|account|active|age|alg|algorithm|at|aud|audience|balance|changed|class|code|column|comment|cost"
    r"|count|created|date|decimals|description|disabled|domain|duration|email|enabled|encoding|end|error|exp|expiration"
    r"|expired|expires|expiry|file|format|hint|host|href|iat|id|ids|in|index|integrity|iss|issued|issuer|kind|label|len|length|level|limit"
    r"|line|link|login|max|message|method|min|mode|model|modified|name|names|nbf|network|offset|on|origin|owner|path|permission"
    r"|permissions|policy|position|present|project|provider|reason|region|remaining|required|resolved|revoked|role|roles"
    r"|rotated|rule|rules|scheme|scope|scopes|set|size|source|start|state|status|strength|sub|subject|symbol|tenant|time"
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
def may_say_secret(name: str) -> bool:
    """Return whether a name may say that its values are secrets, or those of what stands in it; told in a moment."""
    return bool(_MAY_SAY_SECRET.found_in(name))


@lru_cache(maxsize=4096)
def outer_secret(name: str) -> Outer:
    """Return which of the names that a field stands in says that its values are secrets; the innermost counts."""
    if not may_say_secret(name):
        return _NONE
    *outside, own = parts_of(name) or [""]
    if not (outside and may_say_secret(".".join(outside))):
        return _NONE
    return _seen_from(words_of(own), _outermost(tuple(outside[-_MOST_LEVELS:])))


@lru_cache(maxsize=4096)
def _outermost(parts: tuple[str, ...]) -> Outer:
    """Return it for what stands right in the last of some names."""
    if not parts:
        return _NONE
    words = words_of(".".join(parts[-2:]))
    if _COOKIES.search(words):
        return Outer(COOKIE_VALUE, is_whole=True)
    if may_name_secret(words):
        return Outer(words, is_whole=True)
    return _seen_from(words_of(parts[-1]), _outermost(parts[:-1]))


def _seen_from(own: str, outer: Outer) -> Outer:
    """Return what the name of something outside says of what is called so inside of it."""
    if outer.words == COOKIE_VALUE:
        return _NONE if _ABOUT_COOKIES.fullmatch(own) else outer
    if not outer.words or _ABOUT.fullmatch(own):
        return _NONE
    is_value = _VALUE.fullmatch(own) is not None
    if not is_value and not _OUTER.search(outer.words):
        return _NONE
    return Outer(outer.words, outer.is_whole and (is_value or _PASSWORDS.search(outer.words) is not None))


def parameter_hint(name: str, beside: Collection[str] = ()) -> str:
    """Return the name by which to know the value of a parameter of a URL or a form.

    Args:
        name: of the parameter; a field of a body that is no form has one that nothing changes.
        beside: the names of all parameters, where these are known.
    """
    lower = name.lower()
    if lower in _OF_URLS:
        return f"parameter {lower}"
    outside, dot, own = lower.rpartition(".")
    if own == CODE_NAME:
        # What is no parameter may be an error's code beside the state of something.
        companions = _OF_REQUESTS if dot else _CODE_COMPANIONS
        return AUTHORIZATION_CODE if any(outside + dot + each in beside for each in companions) else name
    if own in _STATES and any(outside + dot + each in beside for each in _STATE_COMPANIONS):
        return AUTHORIZATION_STATE
    return name


def parameter_hints(text: str, names: Callable[[], Collection[str]]) -> Callable[[str], str] | None:
    """Return what `parameter_hint` says of each name in a query; None where it changes none, as of most."""
    lower = text.lower()
    return partial(parameter_hint, beside=names()) if any(each in lower for each in _HINTED) else None


@lru_cache(maxsize=4096)
def is_secret_header(name: str) -> bool:
    """Return whether the values of a header field are credentials, by its name."""
    spellings = [words_of(each) for each in (name.lower(), name)]
    return any(map(_HEADER.search, spellings)) and not any(map(tells_of_none, spellings))


@lru_cache(maxsize=4096)
def tells_of_none(words: str) -> bool:
    """Return whether words only end as the name of a secret does: `has password`, `max tokens`, `cache key`."""
    return _NO_SECRET.search(words) is not None


@lru_cache(maxsize=4096)
def may_name_secret(words: str) -> bool:
    """Return whether the words of a name are those of a secret, of any sort."""
    return (_OUTER.search(words) or _ALONE.search(words)) is not None and not tells_of_none(words)
