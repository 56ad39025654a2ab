import re
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.authority.folder import public_files
from telemock.cli.client_env import NO_PROXY, SHELLS, client_environment, replaced, shell_lines
from telemock.errors import InvalidSetting

URL = "http://127.0.0.1:8080"
FILES = public_files(Path("/"))
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


def test_every_proxy_and_every_exception_is_replaced() -> None:
    variables = client_environment(URL, FILES)
    names = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"}
    proxies = {name for name, value in variables.items() if value == URL}
    assert names | {name.lower() for name in names} | {"grpc_proxy", "npm_config_proxy", "YARN_HTTPS_PROXY"} <= proxies
    exceptions = {name for name, value in variables.items() if value == NO_PROXY == "localhost,127.0.0.1,::1"}
    assert exceptions == {"NO_PROXY", "no_proxy", "npm_config_noproxy", "GLOBAL_AGENT_NO_PROXY"}
    assert variables["NODE_USE_ENV_PROXY"] == "1"
    assert client_environment(URL, FILES, "")["NO_PROXY"] == ""


def test_who_adds_to_its_roots_gets_the_certificate_and_who_replaces_them_the_bundle() -> None:
    variables = client_environment(URL, FILES)
    adding = {name for name, value in variables.items() if value == str(FILES.pem)}
    replacing = {name for name, value in variables.items() if value == str(FILES.bundle)}
    assert adding == {"NODE_EXTRA_CA_CERTS", "DENO_CERT"}
    assert {
        *("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE", "GIT_SSL_CAINFO", "PIP_CERT"),
        *("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "npm_config_cafile", "HTTPLIB2_CA_CERTS", "NIX_SSL_CERT_FILE"),
        *("CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", "CARGO_HTTP_CAINFO", "COMPOSER_CAFILE", "JULIA_SSL_CA_ROOTS_PATH"),
    } <= replacing
    assert variables["SYSTEM_WGETRC"] == variables["SYSTEM_WGET2RC"] == "/public/telemock.wgetrc"
    assert variables["PHP_INI_SCAN_DIR"] == ":/public"


def test_only_what_changes_is_told_as_replaced() -> None:
    before = {"A": "same", "B": "http://u:p@h/", "C": "//a@b //c@d", "Z": "other"}
    assert [*replaced({"A": "same", "B": "new", "C": "new", "D": "new"}, before)] == [
        "B was 'http://***@h/' and is 'new'.",
        "C was '//***@b //***@d' and is 'new'.",
    ]


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
    variables = client_environment(URL, FILES)
    for shell in SHELLS:
        assert len(shell_lines(variables, shell).splitlines()) == len(variables)
