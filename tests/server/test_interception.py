"""These are the promises of which hosts are answered here."""

import pytest

from telemock.server.interception import Interception

SOME = Interception(["cdn.cribl.io", "*.example.com", "192.0.2.7"])
ALL = Interception(["cdn.cribl.io", "*"])


@pytest.mark.parametrize(
    ("host", "covered"),
    [
        ("cdn.cribl.io", True),
        ("a.example.com", True),
        ("a.b.example.com", True),
        ("192.0.2.7", True),
        ("example.com", False),
        ("badexample.com", False),
        ("cribl.io", False),
        ("x.cdn.cribl.io", False),
        ("", False),
    ],
)
def test_a_host_is_covered_by_its_name_or_a_pattern_above_it(host: str, covered: bool) -> None:  # noqa: FBT001 - a parameter
    assert SOME.covers(host) is covered
    assert SOME.is_product(host) is covered
    assert ALL.covers(host)


@pytest.mark.parametrize("host", ["", "localhost", "127.0.0.1", "192.0.2.9", "::1"])
def test_where_all_hosts_are_covered_telemock_can_still_be_asked_by_address(host: str) -> None:
    assert not ALL.is_product(host)
    assert ALL.is_product("any.test")
    assert ALL.is_product("cdn.cribl.io")
