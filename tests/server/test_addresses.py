"""These are the promises of what an address means, in whatever form it comes."""

import socket

import pytest

from telemock.server.addresses import is_here, read_address, why_forbidden

OWN_PORTS = (8080,)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("fe80::1%1", "fe80::1"),
    ],
)
def test_a_peer_of_ipv4_on_a_socket_of_ipv6_is_one_of_ipv4(text: str, read: str) -> None:
    assert str(read_address(text)) == read


@pytest.mark.parametrize("text", ["2002:7f00:1::1", "64:ff9b::7f00:1", "::7f00:1", "2001:0:1:1::80ff:fffe"])
def test_a_peer_whose_address_only_stands_for_the_loopback_is_not_here(text: str) -> None:
    assert not is_here(read_address(text))


# Each may stand for 169.254.169.254: as itself, in a form of its own, or behind a gateway (NAT64) of the network.
SPELLINGS = [
    "169.254.169.254",
    "::ffff:169.254.169.254",
    "::a9fe:a9fe",
    "::ffff:0:a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "2001:0:a9fe:a9fe::1",
    "2001:0:4136:e378::5601:5601",
    "2001:db8::5efe:a9fe:a9fe",
    "2001:db8::200:5efe:a9fe:a9fe",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "64:ff9b:1:2:3:4:a9fe:a9fe",
    "64:ff9b:1:a9fe:a9:fe00::",
    "64:ff9b:1:a9:fe:a9fe::",
    "64:ff9b:1:2:a9:fea9:fe00:0",
    "2001:db8:64::a9fe:a9fe",
]
CLOUDS = [
    *("100.100.100.200", "168.63.129.16", "192.0.0.192"),
    *("fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:42::42"),
    *("::ffff:168.63.129.16", "64:ff9b:1::6464:64c8", "2001:db8:64::a83f:8110", "2002:c000:c0::"),
]
RESERVED = ["255.255.255.255", "240.0.0.1", "0.1.2.3", "192.0.0.8", "100::1", "::ffff:255.255.255.255"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        *((text, "where clouds keep credentials") for text in SPELLINGS + CLOUDS),
        *((text, "is reserved") for text in RESERVED),
    ],
)
def test_what_nobody_is_let_through_to_is_known_in_every_spelling(text: str, why: str) -> None:
    said = why_forbidden(read_address(text), 80, own_ports=(), for_stranger=False)
    assert said is not None
    assert why in said


PRIVATE = [
    *("10.0.0.1", "172.31.0.1", "192.168.1.1", "100.64.0.1", "198.18.0.1", "fd12::1", "fec0::1", "192.0.2.1"),
    *("::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:c0a8:101::1", "2001:db8::1"),
]


@pytest.mark.parametrize("text", PRIVATE)
def test_private_addresses_are_a_matter_of_policy(text: str) -> None:
    assert why_forbidden(read_address(text), 80, own_ports=(), for_stranger=True) is None
    said = why_forbidden(read_address(text), 80, own_ports=(), for_stranger=False, may_be_private=False)
    assert said == "is private (--no-dial-private)"


# The last two would be 0.0.0.0 and 255.254.0.0 behind a gateway with a shorter prefix.
@pytest.mark.parametrize(
    "text", ["93.184.216.34", "2606:4700::1111", "64:ff9b:1::5db8:d822", "64:ff9b:1:fffe::5db8:d822"]
)
def test_all_others_are_dialled_whatever_the_policy(text: str) -> None:
    assert why_forbidden(read_address(text), 80, own_ports=(), for_stranger=True, may_be_private=False) is None


@pytest.mark.parametrize(
    ("text", "port", "for_stranger", "why"),
    [
        ("169.254.169.254", 80, False, "link-local"),
        ("::ffff:169.254.1.1", 80, False, "link-local"),
        ("64:ff9b::a9fe:a9fe", 80, False, "link-local"),
        ("fe80::1", 80, False, "link-local"),
        ("fe80::1%1", 80, False, "link-local"),
        ("224.0.0.1", 80, False, "multicast"),
        ("ff02::1", 80, False, "multicast"),
        ("127.0.0.1", 8080, False, "telemock itself"),
        ("127.9.9.9", 8080, False, "telemock itself"),
        ("0.0.0.0", 8080, False, "telemock itself"),
        ("::", 8080, False, "telemock itself"),
        ("::1", 8080, False, "telemock itself"),
        ("::ffff:127.0.0.1", 8080, False, "telemock itself"),
        ("127.0.0.1", 80, True, "loopback"),
        ("::1", 80, True, "loopback"),
        ("0.0.0.0", 80, True, "loopback"),
        ("::ffff:127.0.0.1", 80, True, "loopback"),
        ("127.0.0.1", 80, False, None),
        ("192.0.2.1", 8080, True, None),
        ("2001:db8::1", 80, True, None),
        ("10.0.0.1", 80, True, None),
        ("64:ff9b::7f00:1", 80, True, "loopback"),
        ("2002:7f00:1::", 8080, False, "telemock itself"),
    ],
)
def test_nobody_is_let_through_to_what_is_dangerous(text: str, port: int, for_stranger: bool, why: str | None) -> None:  # noqa: FBT001 - a parameter
    said = why_forbidden(read_address(text), port, own_ports=OWN_PORTS, for_stranger=for_stranger)
    assert (said is None) == (why is None)
    assert why is None or (said is not None and why in said)


def test_only_this_machines_addresses_are_here() -> None:
    assert all(is_here(read_address(text)) for text in ("127.0.0.1", "127.1.2.3", "::1", "0.0.0.0", "::"))
    assert not any(is_here(read_address(text)) for text in ("192.0.2.1", "2001:db8::1"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing; says which address would
        assert is_here(read_address(probe.getsockname()[0]))
