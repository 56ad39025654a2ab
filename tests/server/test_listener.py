"""These are the promises of the port: bound, or refused in one sentence."""

from contextlib import closing
from pathlib import Path

import pytest

from telemock.errors import ListenError
from telemock.server.listener import bind, site_url
from tests.server.served import PING_BODY, PING_TARGET, served

# As somebody without privileges: root becomes nobody, and whatever the kernel allows everybody is forbidden first.


def test_port_0_picks_a_free_port() -> None:
    with closing(bind("127.0.0.1", 0)) as listening:
        assert listening.getsockname()[1] > 0
        assert site_url(listening) == f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_an_ipv6_address_is_served_and_written_in_brackets(tmp_path: Path) -> None:
    with closing(bind("::1", 0)) as listening:
        assert site_url(listening) == f"http://[::1]:{listening.getsockname()[1]}"
    with served(tmp_path, host="::1") as server:
        assert server.ask("GET", PING_TARGET).body == PING_BODY
        assert server.exchange()["client"] == "::1"


def test_a_port_in_use_is_named_with_what_to_do() -> None:
    with closing(bind("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(ListenError, match=rf"^Port {port} on 127\.0\.0\.1 is in use; .*--port\.$"):
            bind("127.0.0.1", port)


def test_a_shared_port_is_bound_by_several() -> None:
    with closing(bind("127.0.0.1", 0, shared=True)) as first:
        port = first.getsockname()[1]
        with closing(bind("127.0.0.1", port, shared=True)) as second:
            assert second.getsockname()[1] == port


@pytest.mark.parametrize("host", ["192.0.2.1", "host.invalid", "a" * 70, "no host", "127.0.0.1.2.3"])
def test_an_address_of_another_machine_is_named(host: str) -> None:
    with pytest.raises(ListenError, match=r"is not an address of this machine; .*--host") as caught:
        bind(host, 0)
    assert host in str(caught.value)
