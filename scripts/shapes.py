"""Bodies whose shape is hostile to whoever looks through them: a hundred and more, each of any size."""

import base64
import gzip
import json
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from random import Random
from urllib.parse import quote

# What a value repeats, with a number in it that makes each another one.
_UNITS = {
    "e-mail": "u{n}@example.com",
    "IPv4": "10.{n}.1.7",
    "IPv4 of 256": "10.0.0.{octet}",
    "version": "1.2.{n}.4",
    "IPv6": "2001:db8::{hex}",
    "MAC": "02:00:{hex:0>2.2}:{octet:02x}:aa:01",
    "phone": "+49 30 {n:07}",
    "card": "4111 1111 {n:04} 1111",
    "digits": "{n:016}",
    "home": "/home/u{n}/x",
    "Windows home": "C:\\Users\\u{n}\\x",
    "file": "/etc/d{n}/f.conf",
    "share": "\\\\srv{n}\\share",
    "URL": "https://h{n}.example.com/p?q={n}",
    "URL with password": "https://u:p{n}@h.example.com/",
    "internal host": "h{n}.corp.local",
    "AWS key": "AKIA{n:016}",
    "password": "password=abc{n}xyz",
    "bearer": "Bearer abcdefgh{n:08}",
    "token": "ghp_{n:036}",
    "short token": "xoxb-{n}",
    "JWT": "eyJhbGciOiJIUzI1NiJ9.eyJuIjp{n}.abcdefgh",
    "private key": "-----BEGIN PRIVATE KEY-----{n}",
    "signature": "?sig={n:044}",
    "ARN": "arn:aws:iam::{n:012}:user/x",
    "instance": "i-{n:017x}",
    "subscription": "subscriptions/00000000-0000-4000-8000-{n:012x}",
    "UUID": "00000000-0000-1000-8000-{n:012x}",
    "hash": "{n:064x}",
    "JSON pair": '"k{n}":"v@x{n}.com"',
    "query pair": "k{n}=u{n}@x.com&",
    "percent": "%75%40{n}",
    "word": "word{n}",
    "CSV": "u{n}@example.com;10.0.0.{octet};/home/u{n}",
}
_SEPARATORS = {"spaces": " ", "commas": ",", "nothing": ""}

# What makes a pattern try in vain again and again.
_FILLERS = (
    *(
        "a",
        "A",
        "1",
        "a1",
        "aA1",
        "1.",
        "a.",
        "a@",
        "@",
        "u@h.",
        "-",
        "a-",
        "--",
        "_",
        "/",
        "\\",
        "/a",
        "//",
        ":",
        "a:",
    ),
    *(
        "::",
        "0:",
        "=",
        "a=",
        "=&",
        "a=b&",
        "%",
        "%41",
        "+",
        "+1",
        "+1 ",
        "(",
        "[",
        "{",
        '"',
        '\\"',
        "'",
        " ",
        "\n",
        "\t",
    ),
    *("\0", "eyJ", "eyJ.", "AKIA", "sk-", "ghp_", "://", "http://", "u:p@", "Bearer ", "Basic ", "token", "token="),
    *(
        "page_token ",
        "/home/",
        "C:\\",
        "projects/",
        "ocid1.user.",
        "arn:aws:",
        "é",
        "日",
        "\U0001f600",
        "\ud83d",
        "4111",
    ),
    *("192.168.", "=?", "sk-T3BlbkFJ", "//:_authToken=", "://u:", "-----BEGIN "),
)


def shapes() -> dict[str, Callable[[int], bytes]]:
    """Return what makes a body of about so many bytes, by the name of its shape."""
    return {**dict(_repeated()), **dict(_filled()), **_STRUCTURES}


def _repeated() -> Iterator[tuple[str, Callable[[int], bytes]]]:
    for unit, template in _UNITS.items():
        for between, separator in _SEPARATORS.items():
            yield f"{unit}, {between}", partial(_repeat, template, separator)


def _filled() -> Iterator[tuple[str, Callable[[int], bytes]]]:
    for filler in _FILLERS:
        yield f"{filler!a} again", partial(_fill, filler)


def _repeat(template: str, separator: str, size: int) -> bytes:
    return _value(separator.join(_times(template, size)))


def _fill(filler: str, size: int) -> bytes:
    return _value(filler * (size // len(filler)))


def _times(template: str, size: int) -> Iterator[str]:
    left = size
    for number in count():
        text = template.format(n=number, hex=f"{number:x}", octet=number % 256)
        left -= len(text) + 1
        if left < 0:
            return
        yield text


def _value(text: str) -> bytes:
    return json.dumps({"f": text}).encode()


def _wrapped(text: str, wrap: Callable[[str], str], depth: int) -> bytes:
    for _ in range(depth):
        text = wrap(text)
    return _value(text)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _names(template: str, size: int) -> bytes:
    return json.dumps(dict.fromkeys(_times(template, size), 1)).encode()


def _emails(size: int) -> str:
    return " ".join(_times("u{n}@example.com", size))


_STRUCTURES: dict[str, Callable[[int], bytes]] = {
    "array of words": lambda size: json.dumps([*_times("w{n}", size * 2 // 3)]).encode(),
    "array of e-mails": lambda size: json.dumps([*_times("u{n}@ex.com", size * 3 // 4)]).encode(),
    "array of paths": lambda size: json.dumps([*_times("/home/u{n}/x", size * 3 // 4)]).encode(),
    "array of UUIDs": lambda size: json.dumps([*_times("00000000-0000-4000-8000-{n:012x}", size)]).encode(),
    "array of base64": lambda size: json.dumps([_base64(each) for each in _times("word {n}", size // 2)]).encode(),
    "array of numbers": lambda size: json.dumps([*range(size // 8)]).encode(),
    "array of fractions": lambda size: json.dumps([each / 7 for each in range(size // 20)]).encode(),
    "array of nulls": lambda size: b"[" + b"null," * (size // 5) + b"null]",
    "array of objects": lambda size: b"[" + b",".join(b'{"i":%d,"n":"%d"}' % (i, i) for i in range(size // 22)) + b"]",
    "array of arrays": lambda size: b"[" + b"[[1],[2]]," * (size // 10) + b"0]",
    "empty objects": lambda size: b"{}\n" * (size // 3),
    "lines": lambda size: b"\n".join(b'{"id":%d,"n":"x%d"}' % (each, each) for each in range(size // 20)),
    "deep array": lambda size: b"[" * min(size // 2, 900) + b"1" * size + b"]" * min(size // 2, 900),
    "deep object": lambda size: b'{"%s":' % (b"k" * (size // 900)) * 900 + b"1" + b"}" * 900,
    "names": lambda size: _names("k{n}", size * 2 // 3),
    "names that are e-mails": lambda size: _names("u{n}@example.com", size * 3 // 4),
    "one long name": lambda size: json.dumps({"k" * size: 1}).encode(),
    "one name of e-mails": lambda size: json.dumps({_emails(size): 1}).encode(),
    "one name of words": lambda size: json.dumps({"password token " * (size // 15): 1}).encode(),
    "one name of dots": lambda size: json.dumps({"." * size: 1}).encode(),
    "repeated name": lambda size: b"{" + b'"k":1,' * (size // 6) + b'"k":2}',
    "form": lambda size: b"&".join(b"k%d=u%d@x.com" % (each, each) for each in range(size // 18)),
    "form of one name": lambda size: b"&".join(b"k=u%d@x.com" % each for each in range(size // 14)),
    "no JSON": lambda size: b'{"a":' * (size // 5),
    "no text": lambda size: bytes(range(128, 256)) * (size // 128),
    "zeros": bytes,
    "base64 of base64": lambda size: _wrapped(_emails(size // 6), _base64, 6),
    "percent of percent": lambda size: _wrapped(_emails(size // 4), lambda text: quote(text, safe=""), 8),
    "JSON of JSON": lambda size: _wrapped(_emails(size // 8), json.dumps, 6),
    "base64 of noise": lambda size: _value(base64.b64encode(Random(0).randbytes(size * 3 // 4)).decode()),
    "letters that tokens begin with": lambda size: _value("".join(Random(0).choices("ACKMNOPSacko0", k=size))),
    "hex": lambda size: _value(_emails(size // 2).encode().hex()),
    "gzip of much": lambda size: _value(base64.b64encode(gzip.compress(b"u@example.com " * (size * 8))).decode()),
    "query of queries": lambda size: _value("a=" + quote("b=" + quote(_emails(size // 3) + "&c=1") + "&d=1")),
    "percent-encoded form": lambda size: _value(quote("&".join(_times("token=s3cr{n}et&q=u{n}@x.com", size)))),
    "form of secrets": lambda size: "&".join(_times("k{n}=1&token{n}=s3cr{n}et", size)).encode(),
    "lines of pairs": lambda size: _value("\n".join(_times("key{n} = s3cr{n}et", size))),
    "cookies": lambda size: _value("Cookie: " + "; ".join(_times("c{n}=v{n}", size))),
    "lines of cookies": lambda size: _value("\n".join(_times("Set-Cookie: sid=s3cr{n}et; Path=/", size))),
    "URLs with queries": lambda size: json.dumps([*_times("https://h/p?token=s3cr{n}et&u={n}", size)]).encode(),
    "big numbers": lambda size: json.dumps([4111111111111111 + each for each in range(size // 18)]).encode(),
    "base64 words in a text": lambda size: _value(" ".join(_base64(f"password {each}") for each in range(size // 20))),
    "JSON in JSON strings": lambda size: json.dumps([f'{{"token":"s3cr{n}et"}}' for n in range(size // 30)]).encode(),
    "XML": lambda size: _value("<a>" + "".join(_times("<e{n}><password>s3cr{n}et</password></e{n}>", size)) + "</a>"),
    "XML escaped": lambda size: _value("".join(_times("&lt;password&gt;s3cr{n}et&lt;/password&gt;", size))),
    "XML with escapes in it": lambda size: _value("".join(_times("&lt;token&gt;a&gt;s3cr{n}et&lt;/token&gt;", size))),
    "XML without ends": lambda size: _value("".join(_times("<password{n}>", size))),
    "XML attributes": lambda size: _value("<a " + " ".join(_times('password="s3cr{n}et"', size)) + "/>"),
    "JSON array in a text": lambda size: _value(json.dumps([*_times("u{n}@x.com", size * 3 // 4)])),
}  # fmt: skip
