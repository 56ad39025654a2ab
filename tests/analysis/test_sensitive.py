import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.analysis.rules import RULES
from telemock.analysis.sensitive import find_sensitive, masked


def found(text: str, name: str = "x") -> set[tuple[str, str]]:
    return {(match.sensitivity, match.text) for match in find_sensitive(text, name)}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("x", "Mail bob.b@corp.example.com.", {("email", "bob.b@corp.example.com")}),
        ("x", "git@github.com:org/repo.git", set()),
        ("x", "icon@2x.png", set()),
        ("x", "mailto:bob@corp.example?subject=x", {("email", "bob@corp.example")}),
        ("x", "http://bob@corp.example/", set()),
        ("x", "from 10.1.2.3:8080", {("ip_address", "10.1.2.3")}),
        ("x", "Chrome/120.0.6099.109", set()),
        ("version", "10.1.2.3", set()),
        ("firmware", "10.1.2.3", set()),
        ("oid", "1.3.60.100", set()),
        ("x", '{"appVersion": "10.1.2.3"}', set()),
        ("x", "127.0.0.1 0.0.0.0 ::1", set()),
        ("x", "10.0.0.1-10.0.0.9", {("ip_address", "10.0.0.1")}),
        ("x", "10.0.0.1-rc1", set()),
        ("x", "2001:db8::/32", {("ip_address", "2001:db8::")}),
        ("x", "[fe80::1ff:fe23:4567:890a]:80", {("ip_address", "fe80::1ff:fe23:4567:890a")}),
        ("x", "12:30:45 std::vector", set()),
        ("x", "0A-1b-2c-3d-4e-5f", {("mac_address", "0A-1b-2c-3d-4e-5f")}),
        ("x", "00:1a:" * 9 + "00:1a", set()),
        ("x", "26:02:05:10:55:58", set()),
        ("x", "26:02:05:10:55:61", {("mac_address", "26:02:05:10:55:61")}),
        ("x", "0a1b.2c3d.4e5f", {("mac_address", "0a1b.2c3d.4e5f")}),
        ("x", "2024.1105.1430", set()),
        ("x", "dead.beef.cafe", set()),
        ("mac", "0a1b2c3d4e5f", {("mac_address", "0a1b2c3d4e5f")}),
        ("x", "0a1b2c3d4e5f", set()),
        ("id", "c232ab00-9414-11ec-b909-0242ac120002", {("mac_address", "0242ac120002")}),
        ("id", "c232ab00-9414-41ec-b909-0242ac120002", set()),
        ("x", "db-01.corp.internal", {("host_name", "db-01.corp.internal")}),
        ("x", "ip-10-0-0-7.ec2.internal", {("host_name", "ip-10-0-0-7.ec2.internal")}),
        ("hostname", "worker7", {("host_name", "worker7")}),
        ("hostname", "localhost", set()),
        ("hostname", "0d5f7c7d8f0c4a6fb0f4f3f8e5b7a9c1", set()),
        ("x", "com.example.internal user.home", set()),
        ("x", "nas.home", {("host_name", "nas.home")}),
        ("hostCount", "7", set()),
        ("$.user.name", "jdoe", {("user_name", "jdoe")}),
        ("user", "root", set()),
        ("user", "{{ user }}", set()),
        ("login", "failed", set()),
        ("machine", "arm64", set()),
        ("user", "b117a3cd-37e2-43a8-bb5b-a5d5eb5a5fec", set()),
        ("last_login", "2026-02-05", set()),
        ("x", r"CORP\jdoe", {("user_name", "jdoe")}),
        ("x", "/home/jdoe/.ssh/id_rsa", {("path", "/home/jdoe/.ssh/id_rsa"), ("user_name", "jdoe")}),
        ("x", r"C:\Users\Bob Smith\x", {("path", r"C:\Users\Bob Smith\x"), ("user_name", "Bob Smith")}),
        ("x", "/mnt/c/Users/bob", {("path", "/mnt/c/Users/bob"), ("user_name", "bob")}),
        ("x", "C:/Users/bob/x", {("path", "C:/Users/bob/x"), ("user_name", "bob")}),
        ("x", "unix:///run/x.sock", {("path", "unix:///run/x.sock")}),
        ("x", "/api/v1/users", set()),
        ("route", "/home/pricing", set()),
        ("x", "GET /data/export", set()),
        ("x", "/data/export", {("path", "/data/export")}),
        ("x", "arn:aws:iam::123456789012:role/x", {("cloud_account", "123456789012")}),
        ("aws_account_id", "123456789012", {("cloud_account", "123456789012")}),
        ("x", "123456789012", set()),
        ("x", "i-0123456789abcdef0", {("cloud_instance", "i-0123456789abcdef0")}),
        ("x", "snap-20260205", set()),
        ("x", "+49301234567", {("phone_number", "+49301234567")}),
        ("drift_ns", "+49301234567", set()),
        ("x", "+49 30 1234567", {("phone_number", "+49 30 1234567")}),
        ("x", "2026-02-05T10:00:00+01:00", set()),
        ("x", "4111-1111-1111-1111", {("card_number", "4111-1111-1111-1111")}),
        ("x", "4111-1111-1111-1112", set()),
        ("x", "378282246310005", {("card_number", "378282246310005")}),
        ("x", "AKIAIOSFODNN7EXAMPLE", {("secret", "AKIAIOSFODNN7EXAMPLE")}),
        ("x", "ghp_" + "a1B2" * 9, {("secret", "ghp_" + "a1B2" * 9)}),
        ("x", "https://bob:hunter22@host.example.com/", {("secret", "hunter22")}),
        ("password", "hunter22", {("secret", "hunter22")}),
        ("password", "********", set()),
        ("password", "letmein", {("secret", "letmein")}),
        ("password", "123456", {("secret", "123456")}),
        ("password", "your-password", set()),
        ("password", "[FILTERED]", set()),
        ("secret", "letmein", set()),
        ("x", "cmd --password=hunter22 -v", {("secret", "hunter22")}),
        ("x", "password: incorrect", set()),
        ("x", "Authorization: Bearer a1b2c3d4e5f6g7", {("secret", "a1b2c3d4e5f6g7")}),
        ("x", "Bearer authentication", set()),
        ("x", "DB_PASSWORD=hunter22", {("secret", "hunter22")}),
        ("x", "https://h.example/?next_page_token=CAEQ1234", set()),
        ("x", "https://h.example/?a=1&sig=" + "a1B2" * 11, {("secret", "a1B2" * 11)}),
        ("x", "AIza" + "a1B2c" * 7, {("secret", "AIza" + "a1B2c" * 7)}),
        ("x", "XAIza" + "a1B2c" * 7, set()),
        ("next_page_token", "hunter22", set()),
        ("token_count", "hunter22", set()),
        ("etag", "d41d8cd98f00b204e9800998ecf8427e", set()),
    ],
)
def test_form_and_name_tell_what_is_sensitive(name: str, text: str, expected: set[tuple[str, str]]) -> None:
    assert found(text, name) == expected


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("postgresql://u:p!@h", "p!"),
        ("postgresql+asyncpg://u:p!w0rd@h/db", "p!w0rd"),
        ("postgres://u:p@ss@h/db", "p@ss"),
        ("postgres://u:p:w@h:5432/db", "p:w"),
        ("mysql://u:p%40@h/db", "p%40"),
        ("mysql://u:p#q@h/db", "p#q"),
        ("amqp://u:p/w1@h:5672/v", "p/w1"),
        ("redis://:p?x@[::1]:6379/0", "p?x"),
        ("mongodb+srv://u:p$s1@c0.x.example/db", "p$s1"),
        ("ldap://cn=admin:p4ss'\"!@h", "p4ss'\"!"),
        ("see <https://u:x@h.example/>, or bob@corp", "x"),
        ("https://a1b2C3d4e5F6g7H8i9J0@git.example/a", "a1b2C3d4e5F6g7H8i9J0"),
        ("https://aB3dE5gH7jK9mN1pQ3rS:x-oauth-basic@git.example/a", "aB3dE5gH7jK9mN1pQ3rS"),
        ("https://app.example/x?code=SplxlOBeZQ&state=1", "SplxlOBeZQ"),
        ("/oauth/callback?code=a1b2c3d4", "a1b2c3d4"),
        ("https://app.example/cb#id_token=a1b2c3d4e5f6&x=1", "a1b2c3d4e5f6"),
        ("https://app.example/login?redirect_uri=x&code=404&state=af0ifjsldkj12", "af0ifjsldkj12"),
    ],
)
def test_a_url_tells_where_its_secret_begins_and_ends(url: str, secret: str) -> None:
    assert [text for sensitivity, text in found(url) if sensitivity == "secret"] == [secret]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "https://example.com:8080/@vue/runtime",
            "https://h/x?u=a:b@c",
            "see http://h:80,bob@c.d/",
            "http://[::1]:80/a@b",
        ),
        *(
            "postgres://u:${PW}@h/db",
            "https://u:***@h/",
            "https://bob@corp.example/",
            "https://first.lastname@corp.example/",
        ),
        *(
            "https://0123456789abcdef0123456789abcdef@o1.ingest.example/4",
            "https://x.example/?code=404&line=1",
            "/cb?state=CA&code=ServerError",
            "https://x.example/?code=E1234567&zip=1",
        ),
    ],
)
def test_a_url_without_a_secret_has_none(text: str) -> None:
    assert "secret" not in {sensitivity for sensitivity, _ in found(text)}


def test_form_alone_is_less_sure_than_form_and_name() -> None:
    assert [match.confidence for match in find_sensitive("4.16.1.2", "x")] == ["medium"]
    assert [match.confidence for match in find_sensitive("4.16.1.2", "client_ip")] == ["high"]
    assert [match.confidence for match in find_sensitive("4111111111111111", "x")] == ["medium"]
    assert [match.confidence for match in find_sensitive("4111111111111111", "cardNumber")] == ["high"]


def test_a_number_that_counts_or_names_something_is_a_card_by_chance_only() -> None:
    for name in ("bytes_total", "event_seq", "tweetId"):
        assert [match.confidence for match in find_sensitive("4111111111111111", name)] == ["low"]


def test_the_host_that_was_asked_is_left_out() -> None:
    assert not find_sensitive("db.corp.internal", "x", "db.corp.internal")


def test_what_stands_where_a_long_text_is_cut_is_found_once_and_whole() -> None:
    for before in range(3500, 4200, 7):
        text = " " * before + "bob@corp.example " + "." * 5000
        assert found(text) == {("email", "bob@corp.example")}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("ab", "**"),
        ("secret", "s****t"),
        ("AKIAIOSFODNN7", "AK*********N7"),
        ("a.b/c:d e-f.gh", "a.*/*:* *-*.gh"),
    ],
)
def test_a_mask_shows_form_and_ends(text: str, expected: str) -> None:
    assert masked(text) == expected


def test_a_mask_is_short_and_hides_letters_of_all_scripts() -> None:
    assert len(masked("x" * 100_000)) <= 48
    assert masked("Überraschungsgäste") == "Üb**************te"


@given(st.text(), st.text())
def test_no_text_breaks_it(text: str, name: str) -> None:
    assert all(match.text in text for match in find_sensitive(text, name))


@pytest.mark.parametrize(
    "filler",
    [
        *("1", "a", ".", "1.", "a.", ":", "-", "=", "a@", "/a", "//", "eyJ", "4 ", "\\a", "0:", "ab-", "+1 "),
        *("://u:p@", "?code=a1", "://a:/", "token=", "&sig=", "AIza", "hvs.", "Bearer ", "0.0.0.0-", "C:/a/"),
    ],
)
def test_no_pattern_runs_away(filler: str) -> None:
    for start in ("", "a@", "/home/", "http://", "aws key", "//x/:_authToken=", "C:\\", "+1"):
        for name in ("x", "password", "host", "file", "card"):
            assert isinstance(found((start + filler * 4096)[:4096], name), set)


def test_every_rule_has_a_hint_or_a_form_of_its_own() -> None:
    for rule in RULES:
        assert rule.hint is not None or not rule.pattern.fullmatch("word"), rule
