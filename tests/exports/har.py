"""This is HAR 1.2 as a JSON schema, from its specification (http://www.softwareishard.com/blog/har-12-spec/).

It refuses what the specification does not name, except what begins with an underscore.
"""

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator

_Schema = dict[str, Any]

_TEXT: _Schema = {"type": "string"}
_FLAG: _Schema = {"type": "boolean"}
_COUNT: _Schema = {"type": "integer", "minimum": 0}
_SIZE: _Schema = {"type": "integer", "minimum": -1}
_KNOWN: _Schema = {"type": "number", "minimum": 0}
_PERHAPS: _Schema = {"type": "number", "minimum": -1}
_TIME: _Schema = {
    "type": "string",
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$",
}
# RFC 3986: only its characters, and a percent sign only before two hexadecimal digits.
_URL: _Schema = {"type": "string", "pattern": r"^[a-z]+:([A-Za-z0-9._~:/?\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+$"}


def _object(required: Mapping[str, _Schema], optional: Mapping[str, _Schema] | None = None) -> _Schema:
    return {
        "type": "object",
        "required": [*required],
        "properties": {**required, **(optional or {}), "comment": _TEXT},
        "patternProperties": {"^_": True},
        "additionalProperties": False,
    }


def _list(items: _Schema) -> _Schema:
    return {"type": "array", "items": items}


_PAIRS = _list(_object({"name": _TEXT, "value": _TEXT}))
_COOKIES = _list(
    _object(
        {"name": _TEXT, "value": _TEXT},
        {"path": _TEXT, "domain": _TEXT, "expires": _TIME, "httpOnly": _FLAG, "secure": _FLAG},
    )
)
_REQUEST = _object(
    {
        "method": _TEXT,
        "url": _URL,
        "httpVersion": _TEXT,
        "cookies": _COOKIES,
        "headers": _PAIRS,
        "queryString": _PAIRS,
        "headersSize": _SIZE,
        "bodySize": _SIZE,
    },
    {"postData": _object({"mimeType": _TEXT, "text": _TEXT})},
)
_RESPONSE = _object(
    {
        "status": _COUNT,
        "statusText": _TEXT,
        "httpVersion": _TEXT,
        "cookies": _COOKIES,
        "headers": _PAIRS,
        "content": _object(
            {"size": _COUNT, "mimeType": _TEXT},
            {"compression": {"type": "integer"}, "text": _TEXT, "encoding": {"const": "base64"}},
        ),
        "redirectURL": _TEXT,
        "headersSize": _SIZE,
        "bodySize": _SIZE,
    }
)
_TIMINGS = _object(
    {"send": _KNOWN, "wait": _KNOWN, "receive": _KNOWN},
    {"blocked": _PERHAPS, "dns": _PERHAPS, "connect": _PERHAPS, "ssl": _PERHAPS},
)
_ENTRY = _object(
    {
        "pageref": _TEXT,
        "startedDateTime": _TIME,
        "time": _KNOWN,
        "request": _REQUEST,
        "response": _RESPONSE,
        "cache": _object({}),
        "timings": _TIMINGS,
    }
)
_PAGE = _object(
    {
        "startedDateTime": _TIME,
        "id": _TEXT,
        "title": _TEXT,
        "pageTimings": _object({}, {"onContentLoad": _PERHAPS, "onLoad": _PERHAPS}),
    }
)
_CREATOR = _object({"name": _TEXT, "version": _TEXT})
_HAR: _Schema = {
    "type": "object",
    "required": ["log"],
    "properties": {
        "log": _object(
            {"version": {"const": "1.2"}, "creator": _CREATOR, "pages": _list(_PAGE), "entries": _list(_ENTRY)}
        )
    },
    "additionalProperties": False,
}

_VALIDATOR = Draft202012Validator(_HAR)


def check_har(document: Any) -> list[dict[str, Any]]:
    """Hold a document against the schema, and its times against their sum; give its entries."""
    _VALIDATOR.validate(document)
    entries: list[dict[str, Any]] = document["log"]["entries"]
    assert {entry["pageref"] for entry in entries} == {page["id"] for page in document["log"]["pages"]}
    for entry in entries:
        assert entry["time"] == sum(time for name, time in entry["timings"].items() if time != -1 and name != "ssl")
    return entries
