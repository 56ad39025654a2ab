"""Bodies that hide two secrets, by what they are: in structures, codings, markup and texts of many kinds."""

import base64
import gzip
import json

# A password may be a word, which nothing but its name tells; a token has digits.
WORD = "letmeinplease"
TOKEN = "sw0rdfishTok3n77Zq"
SECRETS = (WORD, TOKEN)

_Body = tuple[str, bytes]


def _json(value: object) -> _Body:
    return "application/json", json.dumps(value).encode()


def _text(text: str, kind: str = "text/plain") -> _Body:
    return kind, text.encode()


def _xml(text: str) -> _Body:
    return _text(text, "text/xml")


def _form(text: str) -> _Body:
    return _text(text, "application/x-www-form-urlencoded")


def _coded(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


_IN_WORDS = {"password": {"v": WORD}}
_LONG = "k" * 390
_PART = '--b\r\nContent-Disposition: form-data; name="j"\r\n\r\n'

# What shows its secrets to whoever reads the body, or the text in it.
PLAIN: dict[str, _Body] = {
    "a member of a password": _json(_IN_WORDS),
    "an array in an object": _json({"auth": {"token": [TOKEN]}, "passwords": [WORD]}),
    "far below": _json({"password": {"a": {"b": {"c": [{"d": {"v": WORD}}]}}}}),
    "deeper than JSON is read": _text('{"a":' * 3000 + f'{{"password":"{WORD}"}}' + "}" * 3000, "application/json"),
    "behind a very long path": _json({_LONG: {_LONG: {"password": WORD}}}),
    "JSON in JSON": _json({"d": json.dumps({"e": json.dumps(_IN_WORDS)})}),
    "JSON in a password": _json({"password": json.dumps({"v": WORD})}),
    "JSON in a form": _form(f"a=1&d={json.dumps({'auth': {'token': [TOKEN]}})}"),
    "JSON in a part": _text(f"{_PART}{json.dumps(_IN_WORDS)}\r\n--b--\r\n", "multipart/form-data; boundary=b"),
    "lines of JSON": _text(f'{json.dumps(_IN_WORDS)}\n{{"x": 1}}\n'),
    "escaped twice in a form": _form(f"a=1&d=password%253D{WORD}%2526b%253D1"),
    "names in brackets": _form(f"user[password]={WORD}&user[password][v]={WORD}"),
    "the same name again": _text(f'{{"password":"{TOKEN}","password":"{WORD}"}}', "application/json"),
    "a very long password": _json({"password": WORD * 2000}),
    "a very long token in text": _text("x " * 3000 + f"token={TOKEN * 300} y"),
    "cut off": _text(f'{{"a":1,"password":"{WORD}","b":', "application/json"),
    "a query in a value": _json({"u": f"https://x.example/?password={WORD}&a=1"}),
    "a query of GraphQL": _json({"query": f'mutation {{ login(password: "{WORD}") }}'}),
    "names in one word": _json({"passWord": WORD, "userpassword": WORD, "clientsecret": TOKEN}),
    "a CDATA section": _xml(f'<a><Password n="1"><![CDATA[{WORD}]]></Password></a>'),
    "an element of SOAP": _xml(f'<s:E><s:B><wsse:Password Type="t">{WORD}</wsse:Password></s:B></s:E>'),
    "an element in an element": _xml(f"<a><password><value>{WORD}</value></password></a>"),
    "attributes": _xml(f'<a password="{WORD}"/><add key="ClientSecret" value="{TOKEN}"/>'),
    "a named element": _xml(f'<param name="password">{WORD}</param>'),
    "a property list": _xml(f"<dict><key>password</key><string>{WORD}</string></dict>"),
    "XML-RPC": _xml(f"<member><name>password</name><value><string>{WORD}</string></value></member>"),
    "XML in JSON": _json({"x": f"<u><password>{WORD}</password></u>"}),
    "escaped XML": _xml(f"<a>&lt;password&gt;{WORD}&lt;/password&gt;</a>"),
    "XML without its end": _xml(f"<a><password>{WORD}"),
    "an object of header fields": _json(
        {"request": {"headers": {"Cookie": f"sid={WORD}", "X-Api-Key": WORD, "Authorization": f"Custom {TOKEN}"}}}
    ),
    "pairs of header fields": _json({"headers": [["Cookie", f"sid={WORD}"], ["x-api-key", WORD]]}),
    "a row of header fields": _json({"rawHeaders": ["Host", "x", "Cookie", f"sid={WORD}", "Api-Key", TOKEN]}),
    "header fields of HAR": _json(
        {
            "headers": [{"name": "Cookie", "value": f"sid={WORD}", "comment": ""}],
            "cookies": [{"name": "sid", "value": WORD, "path": "/", "httpOnly": True}],
            "queryString": [{"name": "password", "value": WORD}],
        }
    ),
    "header fields of several values": _json({"Header": {"Cookie": [f"sid={WORD}"], "X-Api-Key": [WORD]}}),
    "variables of CGI": _json({"env": {"HTTP_COOKIE": f"sid={WORD}", "HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}}),
    "attributes of OpenTelemetry": _json(
        {"attributes": [{"key": "http.request.header.cookie", "value": {"stringValue": f"sid={WORD}"}}]}
    ),
    "lines of header fields": _json({"log": f"Cookie: a=1;\r\n sid={WORD}\r\nAuthorization: Bearer {TOKEN}\r\n"}),
    "a command line": _text(f"curl -H 'Cookie: sid={WORD}' -H 'Authorization: Token {TOKEN}' https://x.example"),
    "cookies": _json({"cookies": {"sid": WORD}, "cookie": f"sid={WORD}; b=c"}),
}

# What has to be decoded before its secrets can be seen.
CODED: dict[str, _Body] = {
    "JSON in UTF-16": ("application/json", json.dumps(_IN_WORDS).encode("utf-16")),
    "XML in UTF-16": ("text/xml", f"<a><password>{WORD}</password></a>".encode("utf-16")),
    "another spelling of the same": (
        "application/json",
        f'{{"password":"{WORD}","x":"\\u006c\\u0065tmeinplease"}}'.encode(),
    ),
    "JSON in base64": _json({"d": _coded(_IN_WORDS)}),
    "JSON in base64 in base64": _json({"d": _coded({"e": _coded(_IN_WORDS)})}),
    "gzip in base64": _json({"d": base64.b64encode(gzip.compress(json.dumps(_IN_WORDS).encode())).decode()}),
    "gzip in gzip": ("application/octet-stream", gzip.compress(gzip.compress(json.dumps(_IN_WORDS).encode()))),
}


def shows(content: bytes, *secrets: str) -> list[str]:
    """Give the secrets that are in bytes, as they are or in a coding that was used above."""
    found = []
    for secret in secrets:
        forms = [secret.encode(), secret.encode("utf-16-le"), b"\\u006c\\u0065" + secret[2:].encode()]
        forms += [base64.b64encode(b"x" * shift + secret.encode())[4:-4] for shift in range(3)]
        forms += [base64.b64encode(base64.b64encode(b"x" * shift + secret.encode())[4:-4])[4:-4] for shift in range(3)]
        found += [secret for form in forms if form in content]
    return found
