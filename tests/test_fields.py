import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.exchange import compact_json
from telemock.fields import body_pairs, header_and_cookie_pairs, query_items, read_body, request_bytes

BIG = [("$.n", "9" * 5000), ("$.f", "1.50"), ("$.x[]", "true"), ("$.x[]", "-0"), ("$.x[]", "NaN")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a":{"b":[1,2]},"c":null}', [("$.a.b[]", "1"), ("$.a.b[]", "2"), ("$.c", "null")]),
        (b'[{"name":"x"},{"name":"y"}]', [("$[].name", "x"), ("$[].name", "y")]),
        (b'{"name":"x"}\n{"name":"y"}\n', [("$.name", "x"), ("$.name", "y")]),
        (b'{"name":"x"}\r\n\r\n[{"name":"y"}]', [("$.name", "x"), ("$[].name", "y")]),
        ('{"name":"a\u2028\x85b"}\n{"name":"y"}'.encode(), [("$.name", "a\u2028\x85b"), ("$.name", "y")]),
        (b'\xef\xbb\xbf{"a":1}\n{"a":2}', [("$.a", "1"), ("$.a", "2")]),
        (b'{"a":1,"b":{"a":2,"a":[3]},"a":4}', [("$.a", "1"), ("$.b.a", "2"), ("$.b.a[]", "3"), ("$.a", "4")]),
        (b'{"n":%s,"f":1.50,"x":[true,-0,NaN]}' % (b"9" * 5000), BIG),
        (b"a=1&b=x%20y", [("a", "1"), ("b", "x y")]),
        (b"a=%2B&b=", [("a", "+"), ("b", "")]),
        (b"H4sIAB+/c3==", [("$", "H4sIAB+/c3==")]),
        (b"H4sI+A==\n", [("$", "H4sI+A==\n")]),
        (b"hostname=", [("hostname", "")]),
        (b"\x1f\x8b=\xff&\x00", [("$", "\x1f\udc8b=\udcff&\x00")]),
        (b"plain words", [("$", "plain words")]),
        (b"\xff\x00", [("$", "\udcff\x00")]),
        (b"[" * 100_000, [("$", "[" * 100_000)]),
        (b"", []),
    ],
)
def test_a_body_has_the_fields_of_json_json_lines_or_a_form(body: bytes, expected: list[tuple[str, str]]) -> None:
    assert [*body_pairs(body)] == expected


def multipart(*parts: bytes) -> bytes:
    return b"".join(b"--o.O\r\n" + part + b"\r\n" for part in parts) + b"--o.O--\r\n"


FORM = b'Content-Disposition: form-data; name="%s"\r\n\r\n%s'


def test_a_multipart_form_has_the_fields_that_its_parts_name() -> None:
    head = b'content-disposition: form-data; filename="C;x=1.bin"; name=dump\r\nContent-Type: a/b'
    body = multipart(
        FORM % (b"email", b"a@b.org"),
        head + b"\r\n\r\n\x1f\x8b\r\n\n",
        FORM % ("größe".encode(), "ü".encode()),
        FORM % (b"empty", b""),
        FORM % (b"spaces", b" x "),
        FORM % (b"", b"of an empty name"),
        FORM % (b'a\\"b;c', b"7"),
        FORM % (b"like", b"1\r\n--o.Other\r\n2"),
    )
    assert [*body_pairs(body)] == [
        ("email", "a@b.org"),
        ("dump", "\x1f\udc8b\r\n\n"),
        ("dump.filename", "C;x=1.bin"),
        ("dump (head)", "Content-Type: a/b"),
        ("größe", "ü"),
        ("empty", ""),
        ("spaces", " x "),
        ("", "of an empty name"),
        ('a\\"b;c', "7"),
        ("like", "1\r\n--o.Other\r\n2"),
    ]
    assert [*body_pairs(body[: body.index(b"a@b.org") + 3])] == [("email", "a@b")], "it was cut"


@pytest.mark.parametrize(
    "part",
    [
        b"Content-Disposition: form-data\r\n\r\nSEEN",
        b"Content-Type: SEEN\r\n\r\nx",
        b"Content-Disposition: form-data; name=\"a\"; filename*=UTF-8''SEEN\r\n\r\nx",
        b"Content-Disposition: form-data;\r\n name=a\r\nX: SEEN\r\n\r\nx",
        b"Content-Disposition: attachment; name=SEEN\r\n\r\nx",
        b'Content-Disposition: form-data; name="SEEN',
        b'Content-Disposition: form-data; name = "a"\n\nSEEN',
        FORM % (b"a", b"x\r\n--o.O--\r\nSEEN"),
    ],
)
def test_nothing_of_a_multipart_form_is_lost(part: bytes) -> None:
    pairs = body_pairs(multipart(FORM % (b"first", b"1"), part))
    assert pairs[0] == ("first", "1")
    assert "SEEN" in str(pairs)


def test_header_names_have_no_case_and_cookies_names_of_their_own() -> None:
    headers = compact_json([["HOST", "a"], ["Cookie", "sid=1; theme=dark;;"], ["X", "1"], ["x", "2"]])
    assert header_and_cookie_pairs(headers) == (
        (("host", "a"), ("x", "1"), ("x", "2")),
        (("sid", "1"), ("theme", "dark")),
    )
    for edited in ("not JSON", "7", "[1]", '[["a"]]', '[[1, "a"]]', "[" * 10**5):
        assert header_and_cookie_pairs(edited) == ((), ())


def test_a_query_is_taken_apart_as_it_was_received() -> None:
    assert query_items("a=%31&&b&a=2") == ("a=%31", "b", "a=2")


def test_the_bytes_of_a_request_are_those_that_http_1_1_writes() -> None:
    headers = '[["Host","a.test"],["X","\\udcff"]]'
    written = b"POST /p?q=1 HTTP/1.1\r\nHost: a.test\r\nX: \xff\r\n\r\n\x00body"
    assert request_bytes("POST", "/p", "q=1", headers, b"\x00body", trailers=None) == len(written)
    assert request_bytes("POST", "/p", "", headers, None, trailers=None) == len(written) - len("?q=1\x00body")
    assert request_bytes("POST", "/p", "q=1", headers, b"\x00body", trailers=headers) == len(
        written + b"Host: a.test\r\nX: \xff\r\n"
    )
    assert request_bytes("GET", "/ü", "", "[]", None, trailers=None) == len(b"GET /\xc3\xbc HTTP/1.1\r\n\r\n")
    for edited in ("nonsense", '[["a"]]', "[" * 10**5):
        assert request_bytes("GET", "/", "", edited, None, trailers=edited) == len(b"GET / HTTP/1.1\r\n\r\n")


@given(st.binary(), st.text())
def test_no_bytes_break_it(body: bytes, headers: str) -> None:
    assert isinstance([*body_pairs(body), *header_and_cookie_pairs(headers)], list)


def test_a_body_says_how_each_value_was_written_and_how_many_items_its_arrays_had() -> None:
    body = read_body(b'{"e":[{"a":1,"b":"1"},{"a":1.50,"c":null},{"c":true}],"d":[]}')
    assert [*body.leaves] == [
        ("$.e[].a", "1", "number"),
        ("$.e[].b", "1", "string"),
        ("$.e[].a", "1.50", "number"),
        ("$.e[].c", "null", "word"),
        ("$.e[].c", "true", "word"),
        ("$.d", "[]", "text"),
    ]
    assert {path: count for path, count in body.items.items() if count} == {"$.e[]": 3}
    assert read_body(b'{"a":1}\n\n{"a":[2,3]}\n').items == {"$": 2, "$.a[]": 2}
    assert read_body(b"a=1&b=null") == ((("a", "1", "text"), ("b", "null", "text")), {}, True)
