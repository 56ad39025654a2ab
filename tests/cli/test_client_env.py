import re
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.cli.client_env import NO_PROXY, SHELLS, client_environment, shell_lines
from telemock.errors import InvalidSetting

URL = "http://127.0.0.1:8080"
HOSTILE = {
    "SPACES": " two  words ",
    "QUOTES": """it's "so" 'said'""",
    "TYPOGRAPHIC": "\u2018\u2019\u201a\u201b",
    "DOLLARS": "$HOME ${HOME} $(id) `id`",
    "BACKSLASHES": "\\a\\\\b\\",
    "PERCENT": "%h%%n",
    "SIGNS": "a;b&c|d>e#f!g*h?i[j]k~l",
    "EMPTY": "",
}
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


def read_fish(line: str) -> tuple[str, str]:
    """Read as fish does: between single quotes only a backslash before a quote or a backslash is special."""
    found = re.fullmatch(r"set -gx (\w+) '((?:[^'\\]|\\.)*)'", line, re.DOTALL)
    assert found is not None
    return found[1], re.sub(r"\\(['\\])", r"\1", found[2])


def read_powershell(line: str) -> tuple[str, str]:
    """Read as PowerShell does: two quotes, of any of the five kinds, between quotes are one."""
    found = re.fullmatch(r"\$env:(\w+) = '((?:[^'\u2018-\u201b]|['\u2018-\u201b]{2})*)'", line, re.DOTALL)
    assert found is not None
    return found[1], re.sub("(['\u2018-\u201b])['\u2018-\u201b]", r"\1", found[2])


def read_systemd(line: str) -> tuple[str, str]:
    """Read as systemd.exec(5) and systemd.syntax(7) say: C escapes within quotes, then specifiers."""
    found = re.fullmatch(r'Environment="(\w+)=((?:[^"\\]|\\.)*)"', line)
    assert found is not None
    text = re.sub(r"\\(?:x([0-9a-f]{2})|(.))", lambda one: chr(int(one[1], 16)) if one[1] else one[2], found[2])
    assert not re.search(r"(?<!%)(?:%%)*%(?!%)", text)
    return found[1], text.replace("%%", "%")


READERS = {"fish": read_fish, "powershell": read_powershell, "systemd": read_systemd}


def test_proxies_stand_in_capitals_and_small_letters() -> None:
    variables = client_environment(URL, Path("/ca.pem"), Path("/bundle.pem"))
    assert {name for name, value in variables.items() if value == URL} == {
        "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy",
    }  # fmt: skip
    assert variables["NO_PROXY"] == variables["no_proxy"] == NO_PROXY == "localhost,127.0.0.1,::1"
    assert variables["NODE_USE_ENV_PROXY"] == "1"
    assert client_environment(URL, Path("/ca.pem"), Path("/bundle.pem"), "")["NO_PROXY"] == ""


def test_who_adds_to_its_roots_gets_the_certificate_and_who_replaces_them_the_bundle() -> None:
    variables = client_environment(URL, Path("/ca.pem"), Path("/bundle.pem"))
    assert {name for name, value in variables.items() if value == "/ca.pem"} == {"NODE_EXTRA_CA_CERTS", "DENO_CERT"}
    assert {name for name, value in variables.items() if value == "/bundle.pem"} == {
        "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE", "GIT_SSL_CAINFO", "PIP_CERT",
    }  # fmt: skip


def test_sh_takes_every_value_for_what_it_is() -> None:
    variables = {**HOSTILE, "LINES": "one\ntwo\n"}
    script = 'eval "$1"; for name in ' + " ".join(variables) + '; do eval "printf \'%s\\\\0\' \\"\\$$name\\""; done'
    for shell in ("sh", "bash"):
        done = subprocess.run(
            [shell, "-uc", script, "-", shell_lines(variables, "sh")], capture_output=True, check=True
        )
        assert done.stdout.decode().split("\0")[:-1] == list(variables.values())
        assert done.stderr == b""


@given(TEXTS)
def test_sh_gets_one_word(value: str) -> None:
    assert shlex.split(shell_lines({"NAME": value}, "sh")) == ["export", f"NAME={value}"]


@pytest.mark.parametrize("shell", READERS)
def test_every_shell_takes_hostile_values_for_what_they_are(shell: str) -> None:
    lines = shell_lines(HOSTILE, shell).splitlines()
    assert dict(map(READERS[shell], lines)) == HOSTILE


@pytest.mark.parametrize("shell", READERS)
@given(value=TEXTS)
def test_every_shell_takes_any_value_for_what_it_is(shell: str, value: str) -> None:
    assert READERS[shell](shell_lines({"NAME": value}, shell)[:-1]) == ("NAME", value)


def test_docker_takes_everything_behind_the_equals_sign() -> None:
    assert shell_lines(HOSTILE, "docker") == "".join(f"{name}={value}\n" for name, value in HOSTILE.items())


@pytest.mark.parametrize("value", ["one\ntwo", "one\rtwo"])
def test_docker_knows_no_line_breaks(value: str) -> None:
    with pytest.raises(
        InvalidSetting, match=r"has a line break, which no --env-file can hold; choose another --ca-dir\."
    ):
        shell_lines({"NAME": value}, "docker")


def test_there_is_a_line_for_each_variable() -> None:
    variables = client_environment(URL, Path("/ca.pem"), Path("/bundle.pem"))
    for shell in SHELLS:
        assert len(shell_lines(variables, shell).splitlines()) == len(variables)
