import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.cli.java_env import java_tool_options, non_proxy_hosts


def options(own: str = "", store: str = "/ca/public/telemock-ca-cert.p12", no_proxy: str = "localhost") -> str:
    return java_tool_options(own, "http://127.0.0.1:8080", Path(store), "changeit", no_proxy)


def test_java_is_told_the_proxy_and_the_trust_store() -> None:
    assert options().split() == [
        "-Djavax.net.ssl.trustStore=/ca/public/telemock-ca-cert.p12",
        "-Djavax.net.ssl.trustStoreType=PKCS12",
        "-Djavax.net.ssl.trustStorePassword=changeit",
        "-Dhttp.proxyHost=127.0.0.1",
        "-Dhttp.proxyPort=8080",
        "-Dhttps.proxyHost=127.0.0.1",
        "-Dhttps.proxyPort=8080",
        "-Dhttp.nonProxyHosts=localhost",
    ]


def test_what_the_user_says_to_java_stays_in_front() -> None:
    assert options("-Xmx64m -Dname='a b'") == "-Xmx64m -Dname='a b' " + options()


@given(st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1))
def test_a_path_of_any_characters_stays_one_option(name: str) -> None:
    # Java's way with quotes is that of a shell without backslashes; those stand as they are.
    lexer = shlex.shlex(options(store=f"/{name}"), posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.escape, lexer.commenters = True, "", ""
    read = list(lexer)
    assert read[0] == f"-Djavax.net.ssl.trustStore={Path('/', name)}"
    assert len(read) == 8


@pytest.mark.parametrize(
    ("no_proxy", "hosts"),
    [
        ("", ""),
        ("localhost,127.0.0.1,::1", "localhost|127.0.0.1|[::1]"),
        (" localhost , ,[::1],localhost", "localhost|[::1]"),
        ("example.com,.example.org", "example.com|*.example.com|*.example.org"),
        ("*", "*"),
    ],
)
def test_hosts_without_proxy_are_written_as_java_reads_them(no_proxy: str, hosts: str) -> None:
    assert non_proxy_hosts(no_proxy) == hosts
