import gzip
import json
from typing import Any
from urllib.parse import urlsplit

from haralyzer import HarParser
from hypothesis import given
from hypothesis import strategies as st

from telemock import __version__
from telemock.exchange import Exchange, compact_json
from telemock.exports.har import har_lines
from tests.corpus import PING_QUERY, moment, ping
from tests.exports.har import check_har
from tests.exports.hostile import HOSTILE
from tests.steady import STEADY


def entries(*exchanges: Exchange) -> list[dict[str, Any]]:
    return check_har(json.loads("".join(har_lines(exchanges))))


def test_a_document_names_its_creator_and_may_be_empty() -> None:
    document = json.loads("".join(har_lines([])))
    assert check_har(document) == []
    assert document["log"]["creator"] == {"name": "telemock", "version": __version__}


def test_an_entry_says_what_was_asked_and_answered() -> None:
    (entry,) = entries(ping(query=PING_QUERY, scheme="https", id=7))
    request, response = entry["request"], entry["response"]
    assert entry["startedDateTime"] == moment(0)
    assert (entry["_id"], entry["_via"], entry["_outcome"]) == (7, "proxy", "mock")
    assert request["url"] == f"https://cdn.cribl.io/telemetry/index.html?{PING_QUERY}"
    assert {"name": "env", "value": "prod"} in request["queryString"]
    assert request["headers"][0] == {"name": "Host", "value": "cdn.cribl.io"}
    assert (request["bodySize"], "postData" in request) == (0, False)
    assert (response["status"], response["statusText"], response["bodySize"]) == (200, "OK", 29)
    assert response["content"] == {
        "size": 29,
        "mimeType": "text/html; charset=utf-8",
        "text": "cribl /// living the stream!\n",
    }


def test_what_is_not_known_is_minus_one() -> None:
    (entry,) = entries(ping(latency_ms=0.25))
    assert entry["time"] == 0.25
    assert entry["timings"] == {
        "blocked": -1,
        "dns": -1,
        "connect": -1,
        "send": 0,
        "wait": 0.25,
        "receive": 0,
        "ssl": -1,
    }
    assert (entry["request"]["headersSize"], entry["response"]["headersSize"]) == (-1, -1)


def test_a_body_that_is_no_text_is_base64_and_says_so() -> None:
    (entry,) = entries(ping(request_body=b"\xff", response_body=b"\xfe"))
    assert entry["response"]["content"] | {"mimeType": ""} == {
        "size": 1,
        "mimeType": "",
        "text": "/g==",
        "encoding": "base64",
    }
    posted = entry["request"]["postData"]
    assert (posted["text"], posted["_encoding"], posted["comment"]) == ("/w==", "base64", "The text is base64.")


def test_content_codings_are_undone_and_what_they_saved_is_said() -> None:
    zipped = gzip.compress(b"a" * 1000)
    headers = compact_json([["content-encoding", "gzip"]])
    (entry,) = entries(
        ping(request_body=zipped, request_headers=headers, response_body=zipped, response_headers=headers)
    )
    content = entry["response"]["content"]
    assert (content["size"], content["compression"]) == (1000, 1000 - len(zipped))
    assert entry["request"]["postData"]["text"] == "a" * 1000
    assert entry["request"]["bodySize"] == entry["response"]["bodySize"] == len(zipped)


def test_a_body_that_was_cut_says_so() -> None:
    (entry,) = entries(ping(request_body=b"four", request_truncated=1))
    assert entry["request"]["bodySize"] == -1
    assert "4 bytes of it were kept" in entry["request"]["comment"]


def test_cookies_are_taken_apart() -> None:
    (entry,) = entries(
        ping(
            request_headers=compact_json([["Cookie", "a=1; b=x=y"]]),
            response_headers=compact_json([["Set-Cookie", "s=1; Path=/p; Domain=d; Secure; HttpOnly; Max-Age=5"]]),
        )
    )
    assert entry["request"]["cookies"] == [{"name": "a", "value": "1"}, {"name": "b", "value": "x=y"}]
    assert entry["response"]["cookies"] == [
        {"name": "s", "value": "1", "path": "/p", "domain": "d", "secure": True, "httpOnly": True}
    ]


def test_a_time_that_is_none_is_told_beside_one_that_is() -> None:
    (entry,) = entries(ping(received_at="not a time"))
    assert entry["startedDateTime"] == "1970-01-01T00:00:00Z"
    assert "'not a time'" in entry["comment"]


def test_hostile_exchanges_keep_to_the_format_and_are_ascii() -> None:
    lines = [*har_lines(HOSTILE)]
    assert len(check_har(json.loads("".join(lines)))) == len(HOSTILE)
    assert all(line.isascii() and line[:-1].isprintable() for line in lines)


@STEADY
@given(st.text(), st.text(), st.text())
def test_a_url_is_one_whatever_was_asked(host: str, path: str, query: str) -> None:
    entries(ping(host=host, path=path, query=query))


def test_all_entries_are_of_the_one_page() -> None:
    document = json.loads("".join(har_lines([ping(1), ping(2)])))
    (page,) = document["log"]["pages"]
    assert (page["id"], page["startedDateTime"]) == ("page_1", moment(1))
    assert [entry["pageref"] for entry in check_har(document)] == ["page_1"] * 2


def test_the_url_is_absolute_with_its_port_and_the_bytes_of_its_path() -> None:
    (entry,) = entries(ping(host="collector.example", port=4318, path="/caf\udce9\ud800", query=""))
    assert entry["request"]["url"] == "http://collector.example:4318/caf%5Cudce9%5Cud800"
    (entry,) = entries(ping(host="::1", port=443, scheme="https", path="/caf\udce9", query="a"))
    assert entry["request"]["url"] == "https://[::1]/caf%E9?a"


def test_trailers_are_told() -> None:
    (entry,) = entries(ping(request_trailers='[["X","1"]]'))
    assert entry["request"]["_trailers"] == [{"name": "X", "value": "1"}]
    assert "_trailers" not in entries(ping())[0]["request"]


def test_importers_open_an_ordinary_and_a_hostile_one() -> None:
    for exchanges in ((ping(1, port=8443), ping(2)), HOSTILE):
        document = json.loads("".join(har_lines(exchanges)))
        (page,) = HarParser(document).pages
        assert sorted(entry.url for entry in page.entries) == sorted(
            each["request"]["url"] for each in document["log"]["entries"]
        )
        assert all(urlsplit(entry.url).hostname for entry in page.entries)
