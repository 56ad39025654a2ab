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
        ("::ffff:169.254.169.254", "169.254.169.254"),
        ("2002:a9fe:a9fe::1", "169.254.169.254"),
        ("64:ff9b::a9fe:a9fe", "169.254.169.254"),
        ("fe80::1%1", "fe80::1%1"),
    ],
)
def test_an_address_inside_another_is_the_one_that_counts(text: str, read: str) -> None:
    assert str(read_address(text)) == read


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
