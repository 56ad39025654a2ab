import pytest

from tests.doctor.conftest import ADDRESS, HOST, Examine, verdicts
from tests.server.served import Served


def test_without_variables_clients_go_by_name(examine: Examine) -> None:
    found = examine()
    assert verdicts(found, "https_proxy") == ["ok"]
    assert not {"http_proxy", "no_proxy"} & found.keys()


def test_a_name_that_leads_to_the_server_leads_to_another_port(examine: Examine, server: Served) -> None:
    found = examine()["name"]
    assert (found["verdict"], f"to its port 443, and this is {server.port}" in found["said"]) == ("warning", True)
    assert "--port 443" in found["next_step"]


def test_a_name_that_leads_elsewhere_needs_the_proxy(examine: Examine, server: Served) -> None:
    without = examine(ADDRESS)["name"]
    assert (without["verdict"], "without a proxy goes there" in without["said"]) == ("warning", True)
    assert f"HTTPS_PROXY={server.url}" in without["next_step"]
    assert verdicts(examine(ADDRESS, HTTPS_PROXY=server.url), "https_proxy", "name") == ["ok", "ok"]


@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"])
def test_a_variable_that_leads_here_is_fine(examine: Examine, server: Served, name: str) -> None:
    for spelling in (server.url, server.url + "/", server.url[7:], f"http://localhost:{server.port}"):
        assert verdicts(examine(**{name: spelling}), name.lower()) == ["ok"]


@pytest.mark.parametrize("elsewhere", ["http://ann:secret@[2001:db8::9]:3128", "http://127.0.0.1:9", "[::1]:9"])
def test_a_variable_that_leads_elsewhere_is_a_warning(examine: Examine, server: Served, elsewhere: str) -> None:
    found = examine(https_proxy=elsewhere)["https_proxy"]
    assert (found["verdict"], "not to this telemock" in found["said"]) == ("warning", True)
    assert f"export https_proxy={server.url}" in found["next_step"]
    assert "secret" not in str(found)


@pytest.mark.parametrize("value", ["http://ann:secret@[::1", "http://ann:secret@h:x", "http://", "secret\x1b[31m"])
def test_a_variable_that_is_no_url_is_not_shown(examine: Examine, value: str) -> None:
    found = examine(HTTPS_PROXY=value)["https_proxy"]
    assert found["said"] == "HTTPS_PROXY is no URL of a proxy."
    assert found["verdict"] == "warning"


def test_lower_case_wins(examine: Examine, server: Served) -> None:
    found = examine(https_proxy=server.url, HTTPS_PROXY="http://127.0.0.1:9")["https_proxy"]
    assert (found["verdict"], "HTTPS_PROXY is something else" in found["said"]) == ("warning", True)
    found = examine(https_proxy="http://127.0.0.1:9", HTTPS_PROXY=server.url)["https_proxy"]
    assert found["said"] == "https_proxy leads clients to http://127.0.0.1:9, not to this telemock."
    assert verdicts(examine(https_proxy="", HTTPS_PROXY=server.url), "https_proxy") == ["ok"]


def test_a_proxy_for_all_is_not_read_by_all(examine: Examine, server: Served) -> None:
    found = examine(all_proxy=server.url)["https_proxy"]
    assert (found["verdict"], "not all clients" in found["said"]) == ("warning", True)
    assert found["next_step"] == 'export HTTPS_PROXY="$all_proxy".'


def test_the_proxy_is_not_spoken_to_in_tls(examine: Examine, server: Served) -> None:
    found = examine(https_proxy=f"https://127.0.0.1:{server.port}")["https_proxy"]
    assert (found["verdict"], "plain http" in found["said"]) == ("warning", True)


@pytest.mark.parametrize("exempt", ["*", HOST, "LOCALHOST:443", "a.test, localhost", "a.test localhost", ".localhost"])
def test_an_exempt_host_passes_the_proxy_by(examine: Examine, server: Served, exempt: str) -> None:
    found = examine(https_proxy=server.url, NO_PROXY=exempt)
    assert verdicts(found, "https_proxy", "no_proxy") == ["ok", "failed"]
    assert "NO_PROXY names localhost" in found["no_proxy"]["said"]
    assert verdicts(examine(NO_PROXY=exempt), "no_proxy") == ["ok"]


@pytest.mark.parametrize("exempt", ["host", "calhost", "a.localhost", "localhost:80", "*.test", ",", "*host.test"])
def test_others_that_are_exempt_do_not_matter(examine: Examine, server: Served, exempt: str) -> None:
    assert verdicts(examine(https_proxy=server.url, no_proxy=exempt), "no_proxy") == ["ok"]


@pytest.mark.parametrize("exempt", [ADDRESS, f"[{ADDRESS}]", f"[{ADDRESS}]:443", "other,2001:DB8::1"])
def test_an_address_may_be_exempt(examine: Examine, server: Served, exempt: str) -> None:
    assert verdicts(examine(ADDRESS, https_proxy=server.url, no_proxy=exempt), "no_proxy") == ["failed"]


def test_domains_above_are_exempt_in_each_spelling(examine: Examine, server: Served) -> None:
    for exempt in ("test", ".test", "*.test", "other.test"):
        found = examine("other.test", "--timeout", "0.05", https_proxy=server.url, no_proxy=exempt)
        assert verdicts(found, "no_proxy") == ["failed"]
