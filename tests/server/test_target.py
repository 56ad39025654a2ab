"""These are the promises of how request lines and Host fields are read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.server.target import Arrival, Target, host_name, read_target
from tests.steady import STEADY


@pytest.mark.parametrize(
    ("raw", "host_field", "target"),
    [
        ("/", "a.b", Target("http", "a.b", "/", "direct", 80)),
        ("/p", "a.b:80", Target("http", "a.b", "/p", "direct", 80)),
        ("/p", "a.b:8080", Target("http", "a.b", "/p", "direct", 8080)),
        ("/p", "[::1]:8080", Target("http", "::1", "/p", "direct", 8080)),
        ("/p", "a.b:", Target("http", "a.b", "/p", "direct", 80)),
        ("/p", "a.b:99999", Target("http", "a.b", "/p", "direct", None)),
        ("/p", "a.b:0", Target("http", "a.b", "/p", "direct", None)),
        ("/p", "a.b:x", Target("http", "a.b", "/p", "direct", None)),
        ("/p", ":8080", Target("http", "", "/p", "direct", None)),
        ("/p", "", Target("http", "", "/p", "direct", None)),
        ("/%2Fp%3F", "a.b", Target("http", "a.b", "/%2Fp%3F", "direct", 80)),
        ("//a.c/p", "a.b", Target("http", "a.b", "//a.c/p", "direct", 80)),
        ("/go/http://c.d/e", "a.b", Target("http", "a.b", "/go/http://c.d/e", "direct", 80)),
        ("*", "a.b", Target("http", "a.b", "*", "direct", 80)),
        ("C.D:443", "a.b", Target("http", "c.d", "C.D:443", "direct", 443)),
        ("[::1]:8443", "a.b", Target("http", "::1", "[::1]:8443", "direct", 8443)),
        ("http://C.D/p", "a.b", Target("http", "c.d", "/p", "proxy", 80)),
        ("http://C.D//p/", "a.b", Target("http", "c.d", "//p/", "proxy", 80)),
        ("http://c.d", "a.b", Target("http", "c.d", "/", "proxy", 80)),
        ("HTTPS://u:p@c.d:8443/p", "a.b", Target("https", "c.d", "/p", "proxy", 8443)),
        ("https://c.d/p", "a.b:1", Target("https", "c.d", "/p", "proxy", 443)),
        ("ftp://c.d/p", "a.b:1", Target("ftp", "c.d", "/p", "proxy", None)),
        ("http:///p", "a.b:1", Target("http", "", "/p", "proxy", None)),
        ("http://[::1]:80/p", "a.b", Target("http", "::1", "/p", "proxy", 80)),
    ],
)
def test_every_form_of_a_target_is_read_as_rfc_9112_says(raw: str, host_field: str, target: Target) -> None:
    assert read_target(raw, host_field) == target


TLS = Arrival("tls", "https", "sni.test")
TUNNEL = Arrival("connect", "https", "asked.test", 8443)


@pytest.mark.parametrize(
    ("arrival", "raw", "host_field", "target"),
    [
        (TLS, "/p", "a.b", Target("https", "a.b", "/p", "tls", 443)),
        (TLS, "/p", "", Target("https", "sni.test", "/p", "tls", None)),
        (TLS, "/p", "not a host", Target("https", "not a host", "/p", "tls", 443)),
        (TLS, "http://c.d/p", "a.b", Target("http", "c.d", "/p", "proxy", 80)),
        (TUNNEL, "/p", "a.b:443", Target("https", "a.b", "/p", "connect", 443)),
        (TUNNEL, "/p", "a.b", Target("https", "a.b", "/p", "connect", 8443)),
        (TUNNEL, "/p", "[", Target("https", "asked.test", "/p", "connect", 8443)),
        (TUNNEL, "http://c.d/p", "a.b", Target("http", "c.d", "/p", "connect", 80)),
        (TUNNEL, "c.d:443", "a.b", Target("https", "c.d", "c.d:443", "connect", 443)),
        (Arrival("connect", "http", "asked.test", 80), "*", "", Target("http", "asked.test", "*", "connect", 80)),
    ],
)
def test_a_connection_says_what_a_request_leaves_out(
    arrival: Arrival, raw: str, host_field: str, target: Target
) -> None:
    assert read_target(raw, host_field, arrival) == target


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("", ""),
        ("cdn.cribl.io", "cdn.cribl.io"),
        ("CDN.Cribl.IO:443", "cdn.cribl.io"),
        ("cdn.cribl.io.", "cdn.cribl.io"),
        ("cdn.cribl.io.:443", "cdn.cribl.io"),
        ("cdn.cribl.io:", "cdn.cribl.io"),
        ("user:secret@cdn.cribl.io", "cdn.cribl.io"),
        ("[2001:DB8::1]:8080", "2001:db8::1"),
        ("[2001:DB8:0:0::1]", "2001:db8::1"),
        ("[fe80::1%25eth0]:8080", "fe80::1"),
        ("[fe80::1%eth0]", "fe80::1"),
        ("2130706433:443", "127.0.0.1"),
        ("0x7f.1.", "127.0.0.1"),
        ("999999999999", "999999999999"),
        ("1.2.3.4.5", "1.2.3.4.5"),
        ("[2001:db8::1", ""),
        ("[not an address]", ""),
        ("a\udcffb", ""),
        ("bücher.example", ""),
    ],
)
def test_a_host_is_lower_case_without_port_user_or_trailing_dot(authority: str, host: str) -> None:
    assert host_name(authority) == host


@STEADY
@given(st.text(), st.text())
def test_no_text_fails_to_be_a_target(raw: str, host_field: str) -> None:
    target = read_target(raw, host_field)
    assert target.host.isascii()
    assert target.path or not raw.startswith(("/", "http://"))
