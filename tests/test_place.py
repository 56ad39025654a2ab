"""These are the promises of a proxy's URL: every spelling that clients take, and no password where it is shown."""

import pytest

from telemock.place import Place

BASIC = "Basic dTpww6kv"  # u:pé/


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://127.0.0.1:8080", Place("http", "127.0.0.1", 8080, None, "")),
        ("proxy.example:3128", Place("http", "proxy.example", 3128, None, "")),
        ("http://Proxy.Example/", Place("http", "proxy.example", 80, None, "/")),
        ("https://proxy.example/a?b#c", Place("https", "proxy.example", 443, None, "/a?b#c")),
        ("http://u:p%C3%A9%2F@[::1]:1", Place("http", "::1", 1, BASIC, "")),
        ("http://u@a", Place("http", "a", 80, "Basic dTo=", "")),
    ],
)
def test_a_url_is_read_as_clients_read_it(url: str, place: Place) -> None:
    assert Place.read(url) == place


@pytest.mark.parametrize(
    "url", ["", "http://", "http://:80", "http://a:0", "http://a:x", "http://a:65536", "http://a b", "a\n"]
)
def test_what_names_no_place_is_refused(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - nobody reads the message
        Place.read(url)


def test_it_is_shown_without_user_and_password() -> None:
    assert str(Place.read("http://u:secret@[::1]:1/?secret")) == "http://[::1]:1"
