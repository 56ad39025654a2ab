import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.errors import InvalidHost
from telemock.hosts import as_address, host_name, host_names, host_range

LABELS = st.from_regex(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", fullmatch=True)
HOSTS = st.lists(LABELS, min_size=1, max_size=3).map(lambda labels: ".".join([*labels, "example"]))


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("cdn.cribl.io", "cdn.cribl.io"),
        ("CDN.Cribl.IO.", "cdn.cribl.io"),
        ("localhost", "localhost"),
        ("_dmarc.my_host.example", "_dmarc.my_host.example"),
        ("r3---sn-4g5e6n.example", "r3---sn-4g5e6n.example"),
        ("*.example.com", "*.example.com"),
        ("Bücher.example", "xn--bcher-kva.example"),
        ("*.bücher.example", "*.xn--bcher-kva.example"),
        ("straße.de", "xn--strae-oqa.de"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("[2001:DB8:0::1]", "2001:db8::1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0X7f.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::FFFF:7f00:1", "::ffff:127.0.0.1"),
        ("[FE80::1%25eth0]", "fe80::1"),
        ("1.2.3.example", "1.2.3.example"),
        (".".join(["a" * 63] * 3 + ["b" * 61]) + ".", ".".join(["a" * 63] * 3 + ["b" * 61])),
    ],
)
def test_a_host_is_written_in_one_way(name: str, written: str) -> None:
    assert host_name(name) == written
    assert host_name(written) == written


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "each label"),
        (".", "each label"),
        ("a..b", "each label"),
        (".a", "each label"),
        ("a.b..", "each label"),
        ("a b", "each label"),
        ("a\0", "each label"),
        ("a\n", "each label"),
        ("a/b", "each label"),
        ("a:443", "each label"),
        ("-a.b", "each label"),
        ("a-.b", "each label"),
        ("a" * 64 + ".example", "each label"),
        ("a.*.example.com", "each label"),
        ("fe80::1%", "each label"),
        ("fe80::1%a/b", "each label"),
        ("127.0.0.1%lo", "each label"),
        ("127.1 x.1", "each label"),
        (".".join(["a" * 63] * 4), "longer than 253"),
        ("ü" * 253, "no international name"),
        ("ü" * 100_000, "longer than 253"),
        ("☃.net", "no international name"),
        pytest.param("\udcff.net", "no international name", id="a byte that is no text"),
        ("*", "the asterisk"),
        ("*.com", "the asterisk"),
        ("1.2.3.4.5", "ends in a number"),
        ("4294967296", "ends in a number"),
        ("256.1.1.1", "ends in a number"),
        ("a.0x7f", "ends in a number"),
        ("127.0.0.1", "brackets"),
    ],
)
def test_what_is_no_host_is_a_sentence(name: str, reason: str) -> None:
    text = f"[{name}]" if reason == "brackets" else name
    with pytest.raises(InvalidHost, match=reason) as raised:
        host_name(text)
    said = str(raised.value)
    assert said.isprintable()
    assert len(said) < 1500
    assert said.endswith(".")


@given(HOSTS, st.booleans(), st.booleans())
def test_case_and_the_last_dot_make_no_difference(host: str, dot: bool, upper: bool) -> None:  # noqa: FBT001 - drawn
    assert host_name((host.upper() if upper else host) + "." * dot) == host


@given(st.text())
def test_any_text_is_a_host_in_plain_characters_or_refused(text: str) -> None:
    try:
        host = host_name(text)
    except InvalidHost:
        return
    assert host_name(host) == host
    assert host.isascii()
    assert 0 < len(host) <= 253


@given(st.ip_addresses())
def test_every_address_is_written_as_it_is_read(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assert as_address(host_name(address.exploded)) == address
    if address.version == 6:
        assert host_name(f"[{address}]") == host_name(address.exploded)


def test_names_keep_their_order_and_stand_once() -> None:
    assert host_names("b.example", "A.example", "B.example.") == ("b.example", "a.example")
    with pytest.raises(InvalidHost, match="at least one host name"):
        host_names()


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Cribl.io.", "cribl.io"),
        ("10.0.0.0/8", ipaddress.ip_network("10.0.0.0/8")),
        ("127.0.0.1", ipaddress.ip_network("127.0.0.1/32")),
        ("[::1]", ipaddress.ip_network("::1/128")),
        ("fd00::/8", ipaddress.ip_network("fd00::/8")),
    ],
)
def test_an_authority_is_confined_to_names_addresses_and_networks(text: str, read: object) -> None:
    assert host_range(text) == read


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("10.0.0.1/8", "is not a network"),
        ("cribl.io/8", "is not a network"),
        ("*.cribl.io", "leave the asterisk out"),
        ("a b", "is not a host"),
    ],
)
def test_an_authority_is_confined_to_nothing_else(text: str, reason: str) -> None:
    with pytest.raises(InvalidHost, match=reason):
        host_range(text)
