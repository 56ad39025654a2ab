"""This is what a pattern cannot tell: whether what looks like something may be it.

It refuses to see more than what was found, and up to 16 characters before it; before the beginning of a value stand
the words of its name, and a space.
"""

import ipaddress
import re

from telemock.analysis.kinds import FILE_ENDINGS
from telemock.analysis.names import TOPICS
from telemock.analysis.secret_names import NAMES_OF_PASSWORDS

# Values that stand for none, users that every system has, and words that stand where a secret would.
_NOBODY = re.compile(
    r"unknown|none|null|nil|n/a|na|undefined|default|anonymous|empty|redacted|masked|hidden|removed|true|false|yes|no|on"
    r"|off|root|admin|administrator|system|nobody|guest|user|username|hostname|host|localhost|localhost\.localdomain"
    r"|password|secret|token|test|changeme|local|remote|cribl|daemon|service|required|optional|enabled|disabled|[\W\d_]*"
)
# What stands for somebody, or some machine, without naming it: a UUID or a digest.
_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32,128}")
# Names that programs give to their own parts, behind which `home` or `internal` is no domain.
_PARTS = re.compile(
    r"(?:com|org|net|io|dev|edu|javax?|jakarta|androidx?|kotlin|scala)\..*"
    r"|(?:user|java|apps?|application|config|settings|process|sys|system|env|page|menu|nav|tab|screen|button|label|index"
    r"|main|default|this|self|window|data)\.[a-z]+"
)
_ARCHITECTURES = re.compile(r"x86(?:_64)?|x64|i[3-6]86|amd64|arm64|aarch64|armv\d\w*|ppc64(?:le)?|s390x|riscv64")
# What may have been granted, as systems ask their users.
_GRANTED = re.compile(
    r"(?:not|un)?[-_ ]?(?:authori[sz]ed|determined)(?:[-_ ]?(?:always|when[-_ ]?in[-_ ]?use))?"
    r"|provisional|ephemeral|restricted|granted"
)
_STATES = re.compile(
    r"and|x?or|not|eq|ne|ok|never|error|fail(?:ed|ure)?|success(?:ful)?|succeeded|denied|allowed|active|inactive|pending"
    r"|basic|oauth2?|saml|sso|ldap"
)
_PLACEHOLDER = re.compile(
    r"[<\[{$%].*[>\]})%]|\$\w+|(?:your|my|the|some|insert|enter)[-_ ].*", re.IGNORECASE | re.DOTALL
)
_MASK = re.compile(r"[*•.]+|[xX]{3,}")
# What a state is called in one word.
_HUMPS = re.compile(r"(?:[A-Z]?[a-z]{2,})+|[A-Z]+|[a-z]+")
# Where a file or a folder is, which PWD says, and the names of keys may.
_FILE = re.compile(
    r"/(?:home|root|Users|etc|var|opt|usr|tmp|mnt|srv|run|apps?|workspace|Library|Applications|Volumes)/\S*"
    r"|(?:~|\.{1,2}|file://)/\S*|[A-Za-z]:[\\/]{1,8}(?:Users|Windows|Program(?:Data| Files[^\\/]{0,8}))[\\/].*"
)
_TALK = re.compile(
    r"[a-z]{1,9}|[A-Z]{1,9}|[A-Za-z]+(?:[-_ ][A-Za-z]+)+|[+-]?\d{1,7}|\d+\.\d+(?:e[+-]?\d{1,3})?|\d{1,3}e[+-]\d{1,3}"
)
_PRODUCT_BEFORE = re.compile(r"[A-Za-z][/-][ :=]?\Z")
_PASSWORD_BEFORE = re.compile(rf"(?<![^\W_])(?:{NAMES_OF_PASSWORDS})[\"']?[ :=]{{0,3}}[\"']?\Z", re.IGNORECASE)
# Behind the name of many keys or tokens a number says how many.
_MANY_BEFORE = re.compile(r"(?:keys|tokens|secrets) ?\Z")
# What a scheme, a region or a place in a program is called, digits or not.
_COMPOUND = re.compile(
    r"[a-z]{1,20}\d{0,4}(?:[-_. ][a-z]{0,20}\d{0,4})*|[A-Z]{2,20}\d{0,4}(?:_[A-Z]{0,20}\d{0,4})+|[A-Za-z][\w+.-]{1,20}://.*|\d{4}-\d\d-\d\d.*|[\d.+-]+"
)
# What somebody called something: words that are parted, with few digits behind them, or dates.
_NAME_PART = (
    r"(?:[A-Z]?[a-z]+(?:[A-Z][a-z]{2,})*|[A-Z]{2,12}(?=_|-\d|\Z)|[a-z]?\d|[A-Z])\d{0,3}|20\d\d(?:[01]\d[0-3]\d)?|"
)
_NAME = re.compile(rf"(?=.*[A-Za-z]{{2}})(?:{_NAME_PART})(?:[-_.:/# +,](?:{_NAME_PART}))+")
_URL = re.compile(r"[A-Za-z][\w+.-]{1,20}://.*", re.DOTALL)
# Where a process works, which PWD says.
_FOLDER = re.compile(r"[A-Za-z]:[\\/].*|~?(?:/[^/\0]{1,64}){2,}/?|/[a-z]{0,12}/?|~(?:/.*)?|\\\\[\w.-]+\\.*", re.DOTALL)
_FOLDER_BEFORE = re.compile(r"(?<!db )(?<!user )(?<![^\W_])(?:old ?)?pwd[\"']?[ :=]{0,3}[\"']?\Z", re.IGNORECASE)
_DIGEST = re.compile(r"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})", re.IGNORECASE)
# A number of fewer digits says how many cookies there are, or the like.
_LEAST_DIGITS = 6
_FLAG = re.compile(r"(?:true|false|yes|no|on|off|none|null|undefined)?|\d{1,3}", re.IGNORECASE)
# Names of keys by which something is found as often.
_NAMED_KEY = re.compile(r"(?<!api )(?<!secret )(?<!access )(?<!private )(?<!auth )(?<![^\W_])keys?\Z")
# A code of fewer digits is a small number; what else is typed in stands in groups of capitals or of both.
_LEAST_OF_CODE = 4
_TYPED = re.compile(r"(?=.*\d)[A-Za-z\d]{4,8}(?:[- ][A-Za-z\d]{4,8})+|[A-Z]{4}-[A-Z]{4}|(?=\D*\d\D*\d)[A-Za-z\d]{6,12}")
# First numbers of addresses that every machine has, or none: loopback, groups (RFC 5771), broadcast.
_OCTETS = frozenset(map(str, range(256)))
_DASHES = frozenset("/-")
_NO_HOSTS = frozenset(("0", "127", "255", *map(str, range(224, 240))))
_CLOCK = re.compile(r"\d\d\W(?:0[1-9]|1[0-2])\W(?:0[1-9]|[12]\d|3[01])\W(?:[01]\d|2[0-3])(?:\W[0-5]\d){2}")
# What the Luhn algorithm makes of every second digit.
_DOUBLED = str.maketrans("0123456789", "0246813579")
_CARD_NETWORKS = re.compile(
    r"4\d{15}(?:\d{3})?|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|3(?:0[0-5]|[68]\d)\d{11}|6(?:011|4[4-9]\d|5\d\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}"
)


def is_somebody(found: str, _before: str) -> bool:
    """Tell a name from a word that stands for none, or for a user that every system has."""
    plain = found.strip("*xX.-_ <>[](){}$").lower()
    return bool(plain) and not _NOBODY.fullmatch(plain)


def is_placeholder(found: str) -> bool:
    """Return whether it stands where a secret would, and may be seen: `${PASSWORD}`, or asterisks."""
    return _PLACEHOLDER.fullmatch(found) is not None or _MASK.fullmatch(found) is not None


def is_user(found: str, before: str) -> bool:
    """Tell a name from a number, a date, an opaque id, a placeholder, and from what came of a login."""
    is_none = _ID.fullmatch(found.lower()) or _PLACEHOLDER.fullmatch(found) or _STATES.fullmatch(found.lower())
    return is_somebody(found, before) and not is_none


def is_account(found: str, before: str) -> bool:
    """Tell somebody's folder from those that nobody owns, and from what a site calls its start page."""
    return is_user(found, before) and found not in ("Shared", "Public") and not TOPICS["route"].search(before)


def is_host(found: str, before: str) -> bool:
    """Tell the name of a machine from a version, an opaque id, a part of a program, and what machine it is."""
    is_none = re.match(r"v?\d+\.\d+", found) or _PARTS.fullmatch(found) or _ARCHITECTURES.fullmatch(found)
    return is_user(found, before) and not is_none


def is_file(found: str, before: str) -> bool:
    """Tell a file from a place in a program, which the same slashes may stand for."""
    return not (found.startswith("/") and TOPICS["route"].search(before))


def is_secret(found: str, before: str) -> bool:
    """Return whether it is a secret, not a small number, a word, a placeholder or a file; passwords may be words."""
    if len(found) < 4 or _PLACEHOLDER.fullmatch(found) or _FILE.fullmatch(found):
        return False
    if _PASSWORD_BEFORE.search(before):
        if _FOLDER.fullmatch(found) and _FOLDER_BEFORE.search(before):
            return False
        return found.isdigit() or is_somebody(found, before)
    is_count = found.isdigit() and _MANY_BEFORE.search(before) is not None
    return not (is_count or _TALK.fullmatch(found)) and is_somebody(found, before)


def is_authorization(found: str, before: str) -> bool:
    """Return whether it authorizes somebody, and does not say what was granted."""
    return is_secret(found, before) and not _GRANTED.fullmatch(found.lower())


def is_credential(found: str, _before: str) -> bool:
    """Return whether a credential header field or a cookie says it, and it neither stands for none nor tells of one."""
    if found.isdigit():
        return len(found) >= _LEAST_DIGITS
    return is_somebody(found, "") and not (_PLACEHOLDER.fullmatch(found) or _STATES.fullmatch(found.lower()))


def tells_of_credential(found: str, words: str) -> bool:
    """Return whether what a credential header field says is no credential: yes, no, how many, a folder, a name.

    Args:
        found: the value of the field.
        words: of its name.
    """
    if _FLAG.fullmatch(found) or (_FOLDER.fullmatch(found) and _FOLDER_BEFORE.search(words)):
        return True
    return _NAMED_KEY.search(words) is not None and (_NAME.fullmatch(found) or _TALK.fullmatch(found)) is not None


def is_opaque(found: str, before: str) -> bool:
    """Return whether it was computed, not written by somebody: it has digits and letters, and is no row of words."""
    has_both = any(map(str.isdigit, found)) and any(map(str.isalpha, found))
    return has_both and is_secret(found, before) and not _COMPOUND.fullmatch(found)


def is_unnamed(found: str, before: str) -> bool:
    """Return whether it is a key that opens something, not what somebody called something, nor a URL."""
    return is_secret(found, before) and not (_NAME.fullmatch(found) or _URL.fullmatch(found))


def is_random(found: str, before: str) -> bool:
    """Return whether nobody would have chosen it, whatever it is called: a UUID, or letters amidst digits."""
    return is_opaque(found, before) and not (_NAME.fullmatch(found) or _URL.fullmatch(found))


def is_one_time(found: str, _before: str) -> bool:
    """Return whether it is a code that is typed in: digits, or letters and digits, and no small number."""
    return sum(map(str.isdigit, found)) >= _LEAST_OF_CODE or _TYPED.fullmatch(found) is not None


def is_signature(found: str, _before: str) -> bool:
    """Return whether it is a digest as long as those in use, or one in base64."""
    cases = (str.isdigit, str.isupper, str.islower)
    return _DIGEST.fullmatch(found) is not None or all(any(map(case, found)) for case in cases)


def is_key(found: str, before: str) -> bool:
    """Tell a secret in the middle of a text, where more than words follows when it is one."""
    return any(map(str.isdigit, found)) and is_secret(found, before)


def is_code(found: str, before: str) -> bool:
    """Tell a code that a server made up from a word, and from a row of words."""
    has_digit = any(map(str.isdigit, found))
    return is_secret(found, before) and (has_digit or not (_NAME.fullmatch(found) or _HUMPS.fullmatch(found)))


def is_email(found: str, _before: str) -> bool:
    """Tell an address from a file and from a repository."""
    user, _, host = found.partition("@")
    return user != "git" and not FILE_ENDINGS.fullmatch(host.rpartition(".")[2].lower()) and ".." not in found


def is_ipv4(found: str, before: str) -> bool:
    """Tell an address from a version; those that every machine has say nothing."""
    numbers = found.split(".")
    if not _OCTETS.issuperset(numbers) or numbers[0] in _NO_HOSTS:
        return False
    last = before.rstrip(" :=\"'")[-1:]
    if last.isalpha():
        return not (TOPICS["version"].search(before) or TOPICS["object"].search(before))
    return last not in _DASHES or not _PRODUCT_BEFORE.search(before)


def is_likely_ipv4(found: str, before: str) -> bool:
    """Tell an address that no version looks like: of a private network, or of numbers that versions seldom have."""
    numbers = [int(each) for each in found.split(".")]
    first, second, third, last = numbers
    is_private = first == 10 or (first == 192 and second == 168) or (first == 172 and 16 <= second < 32)
    has_large = (first > 40) + (second > 40) + (third > 40) + (last > 40) >= 2
    return (is_private or has_large) and is_ipv4(found, before)


def is_ipv6(found: str, _before: str) -> bool:
    """Tell an address from a name of C++; those that every machine has say nothing."""
    try:
        address = ipaddress.IPv6Address(found)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified or address.is_multicast) and any(map(str.isdigit, found))


def is_mac(found: str, _before: str) -> bool:
    """Tell an address from one that stands for none or for all."""
    digits = re.sub(r"[^0-9a-f]", "", found.lower())
    return len(digits) == 12 and len(set(digits)) > 1


def is_likely_mac(found: str, before: str) -> bool:
    """Tell an address from a version, a word and a time, which have digits only, letters only, or hours and minutes."""
    has_both = any(map(str.isdigit, found)) and any(map(str.isalpha, found))
    return is_mac(found, before) and (has_both if "." in found else not _CLOCK.fullmatch(found))


def is_node(found: str, before: str) -> bool:
    """Tell the address in a UUID of version 1 from chance, which sets the multicast bit (RFC 9562 section 6.10)."""
    return not int(found[:2], 16) & 1 and is_mac(found, before)


def is_phone(found: str, _before: str) -> bool:
    """Tell a number by its length (ITU-T E.164) from a row of the same digit."""
    digits = re.sub(r"\D", "", found)
    return 7 <= len(digits) <= 15 and len(set(digits)) > 2


def is_likely_phone(found: str, before: str) -> bool:
    """Tell a phone from an amount with its sign."""
    return is_phone(found, before) and not TOPICS["amount"].search(before)


def is_card(found: str, _before: str) -> bool:
    """Tell the number of a card: a network's first digits and length, and the check digit (ISO/IEC 7812-1)."""
    digits = found if found.isdecimal() else re.sub(r"\D", "", found)
    if _CARD_NETWORKS.fullmatch(digits) is None or len(set(digits)) == 1:
        return False
    return sum(map(int, digits[-1::-2] + digits[-2::-2].translate(_DOUBLED))) % 10 == 0


def is_likely_card(found: str, before: str) -> bool:
    """Tell a card from a counter or an id, one in ten of which has a right check digit, too."""
    is_counted = any(TOPICS[topic].search(before) for topic in ("amount", "identifier"))
    return not is_counted and is_card(found, before)


def is_varied(found: str, _before: str) -> bool:
    """Tell a number from a placeholder."""
    return len(set(found)) > 2
