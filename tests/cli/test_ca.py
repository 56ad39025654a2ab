import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from telemock.authority.folder import KEY_NAME, OLD_KEY_NAME, public_files
from tests.authority.certificates import KEYS, certify, openssl
from tests.cli.process import HANG_SECONDS, TELEMOCK, run, run_on_terminal
from tests.conftest import Cli

READING = ("show", "path", "export", "env")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own, which the authority goes to."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home" / ".telemock"


@pytest.fixture
def brought(tmp_path: Path) -> tuple[str, ...]:
    """The options for an authority of somebody else: an RSA root and its signer."""
    root = certify("root", KEYS["RSA"])
    signer = certify("signer", by=root)
    (tmp_path / "chain.pem").write_bytes(signer.certificate_pem + root.certificate_pem)
    (tmp_path / "key.pem").write_bytes(signer.key_pem)
    return ("--ca-cert", str(tmp_path / "chain.pem"), "--ca-key", str(tmp_path / "key.pem"))


@pytest.mark.parametrize("command", READING)
def test_the_first_that_needs_an_authority_makes_it_and_says_so(cli: Cli, home: Path, command: str) -> None:
    first = cli("ca", command)
    pem = public_files(home).pem
    assert first.exit_code == 0
    assert first.stderr == f"Made a certificate authority; clients must trust {pem}.\n"
    assert "Made" not in first.stdout
    again = cli("ca", command)
    assert (again.exit_code, again.stdout, again.stderr) == (0, first.stdout, "")
    assert sorted(path.name for path in home.iterdir()) == ["public", KEY_NAME]


@pytest.mark.parametrize("command", [*READING, "create"])
def test_the_private_key_is_never_printed(cli: Cli, home: Path, command: str) -> None:
    first = cli("ca", command).output
    again = cli("ca", command).output
    _, secret, *_ = (home / KEY_NAME).read_text().splitlines()
    assert secret not in first + again
    assert "-----BEGIN PRIVATE" not in first + again


def test_show_tells_what_openssl_tells_and_where_the_files_are(cli: Cli, home: Path) -> None:
    lines = cli("ca", "show").stdout.splitlines()
    said = {name.strip(): value for name, _, value in (line.partition("  ") for line in lines)}
    said = {name: value.strip() for name, value in said.items()}
    files = public_files(home)
    ask = ("x509", "-in", files.pem, "-noout")
    assert openssl(*ask, "-fingerprint", "-sha256").stdout.strip().endswith("=" + said["SHA-256"])
    assert openssl(*ask, "-subject", "-nameopt", "RFC2253").stdout.strip() == "subject=" + said["subject"]
    assert said["valid until"].endswith(" UTC")
    assert (said["key"], said["only for"]) == ("EC secp256r1", "any host")
    assert (said["private key"], said["certificate"]) == (str(home / KEY_NAME), str(files.pem))
    assert (said["as DER"], said["with roots"]) == (str(files.der), str(files.bundle))
    assert said["for Java"] == f"{files.p12} (password changeit)"


def test_show_tells_of_an_authority_that_was_brought(cli: Cli, brought: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "key.pem").chmod(0o600)
    done = cli("ca", "show", *brought)
    assert done.stderr == ""
    for line in ("CN=root\n", "CN=signer\n", f"private key  {tmp_path}/key.pem\n", "key          EC secp256r1\n"):
        assert line in done.stdout
    assert f"private key  {tmp_path}/chain.pem\n" not in done.stdout


@pytest.mark.parametrize(
    ("option", "name"),
    [((), "cert.pem"), (("--der",), "cert.cer"), (("--p12",), "cert.p12"), (("--bundle",), "bundle.pem")],
)
def test_path_prints_nothing_but_the_path_of_a_file_that_is_there(
    cli: Cli, home: Path, option: tuple[str, ...], name: str
) -> None:
    path = home / "public" / f"telemock-ca-{name}"
    assert cli("ca", "path", *option).stdout == f"{path}\n"
    assert path.stat().st_size > 0


def test_path_of_an_authority_that_was_brought_holds_its_root(
    cli: Cli, home: Path, brought: tuple[str, ...], tmp_path: Path
) -> None:
    path = Path(cli("ca", "path", *brought).stdout.strip())
    assert path == home / "public" / "telemock-ca-cert.pem"
    assert (tmp_path / "chain.pem").read_bytes().endswith(path.read_bytes())
    assert not (home / KEY_NAME).exists()


def test_path_gives_one_path(cli: Cli) -> None:
    done = cli("ca", "path", "--der", "--bundle")
    assert done.exit_code == 2
    assert "--der cannot be used with --bundle." in done.stderr


def test_a_path_that_is_no_text_is_printed_as_it_is(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/\xff"
    command = [*map(os.fsencode, TELEMOCK), b"ca", b"path", b"--ca-dir", folder]
    done = subprocess.run(command, capture_output=True, timeout=HANG_SECONDS, check=True)
    assert done.stdout == folder + b"/public/telemock-ca-cert.pem\n"


def test_export_writes_the_certificate_in_each_format(cli: Cli, home: Path, tmp_path: Path) -> None:
    files = public_files(home)
    assert cli("ca", "export").stdout_bytes.startswith(b"-----BEGIN CERTIFICATE-----\n")
    assert cli("ca", "export").stdout_bytes == files.pem.read_bytes()
    assert cli("ca", "export", "--format", "der", "--output", "-").stdout_bytes == files.der.read_bytes()
    store = cli("ca", "export", "--format", "p12").stdout_bytes
    assert len(load_pkcs12(store, b"changeit").additional_certs) == 1
    done = cli("ca", "export", "--output", tmp_path / "ca.pem")
    assert (done.stdout, (tmp_path / "ca.pem").read_bytes()) == ("", files.pem.read_bytes())


def test_export_to_what_cannot_be_written_is_a_sentence(cli: Cli, tmp_path: Path) -> None:
    cli("ca", "show")
    done = cli("ca", "export", "--output", tmp_path / "none" / "ca.pem")
    assert (done.exit_code, done.stderr) == (
        1,
        f"Error: '{tmp_path}/none/ca.pem' cannot be written: No such file or directory; choose another --output.\n",
    )


def test_no_terminal_gets_bytes_that_it_would_obey() -> None:
    run("ca", "show")
    code, seen = run_on_terminal("ca", "export", "--format", "der", columns=200)
    assert (code, seen) == (
        2,
        "Error: The certificate is binary in this format; send it to a file with --output or a pipe.\n",
    )


def test_a_shell_that_evaluates_env_passes_it_to_its_clients(cli: Cli, home: Path, tmp_path: Path) -> None:
    folder = tmp_path / 'it\'s $HOME, a `folder` with "quotes"'
    lines = cli("ca", "env", "--ca-dir", folder, "--url", "http://telemock:8080", "--no-proxy", "a,b").stdout
    script = 'eval "$1"; python3 -c "import json, os; print(json.dumps(dict(os.environ)))"'
    done = subprocess.run(["sh", "-euc", script, "-", lines], capture_output=True, text=True, check=True)
    seen = json.loads(done.stdout)
    assert seen["NODE_EXTRA_CA_CERTS"] == str(folder / "public" / "telemock-ca-cert.pem")
    assert seen["SSL_CERT_FILE"] == str(folder / "public" / "telemock-ca-bundle.pem")
    assert (seen["https_proxy"], seen["no_proxy"]) == ("http://telemock:8080", "a,b")
    assert Path(seen["SSL_CERT_FILE"]).read_bytes().endswith(Path(seen["NODE_EXTRA_CA_CERTS"]).read_bytes())
    assert not home.exists()


def test_env_evaluated_before_changes_nothing_of_env_now(cli: Cli, home: Path) -> None:
    first = cli("ca", "env").stdout
    bundle = public_files(home).bundle
    before = bundle.read_bytes()
    assert cli("ca", "env", SSL_CERT_FILE=str(bundle)).stdout == first
    assert bundle.read_bytes() == before


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("sh", "export HTTPS_PROXY='http://127.0.0.1:8080'"),
        ("fish", "set -gx HTTPS_PROXY 'http://127.0.0.1:8080'"),
        ("powershell", "$env:HTTPS_PROXY = 'http://127.0.0.1:8080'"),
        ("docker", "HTTPS_PROXY=http://127.0.0.1:8080"),
        ("systemd", 'Environment="HTTPS_PROXY=http://127.0.0.1:8080"'),
    ],
)
def test_env_is_written_for_each_shell(cli: Cli, shell: str, line: str) -> None:
    assert line in cli("ca", "env", "--shell", shell).stdout.splitlines()


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--url", "telemock:8080", "is not a URL"),
        ("--no-proxy", "a\nb", "is not a list of hosts; write it like localhost,127.0.0.1,::1."),
        ("--shell", "csh", "'csh' is not one of"),
    ],
)
def test_env_refuses_what_no_client_could_use(cli: Cli, home: Path, option: str, value: str, said: str) -> None:
    done = cli("ca", "env", option, value)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert not home.exists()


def test_create_says_whom_to_make_trust_what(cli: Cli, home: Path) -> None:
    done = cli("ca", "create", "--only", "cribl.io", "--only", "10.0.0.0/8")
    assert (done.exit_code, done.stderr) == (0, "")
    made, trust = done.stdout.splitlines()
    assert made.startswith("Made CN=telemock authority ")
    assert made.endswith(",O=telemock, for cribl.io, 10.0.0.0/8.")
    assert trust == f"Clients must trust {public_files(home).pem}; `telemock ca env` prints how."
    shown = cli("ca", "show").stdout
    assert "only for     cribl.io, 10.0.0.0/8\n" in shown
    assert "never for    ::/0\n" in shown


def test_create_replaces_nothing_unless_it_is_told_to(cli: Cli, home: Path) -> None:
    cli("ca", "create")
    before = (home / KEY_NAME).read_bytes()
    refused = cli("ca", "create")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == (
        f"Error: There is a certificate authority already, {home / KEY_NAME}; `telemock ca show` describes it, and "
        "--force replaces it.\n"
    )
    assert (home / KEY_NAME).read_bytes() == before
    done = cli("ca", "create", "--force")
    assert done.exit_code == 0
    assert f"The one before is kept as {home / OLD_KEY_NAME}; clients do not trust the new one yet.\n" in done.stdout
    assert "A telemock that runs goes on with the one before until it is started again.\n" in done.stdout
    assert (home / OLD_KEY_NAME).read_bytes() == before


@pytest.mark.parametrize("value", ["", "a b", "10.0.0.1/8", "*.cribl.io", "1.2.3.4.5"])
def test_create_is_confined_to_what_can_be_said(cli: Cli, home: Path, value: str) -> None:
    done = cli("ca", "create", "--only", value)
    assert done.exit_code == 2
    assert "is not a " in done.stderr
    assert not home.exists()


def test_the_authority_may_be_named_anywhere_that_options_are(
    cli: Cli, tmp_path: Path, brought: tuple[str, ...]
) -> None:
    config = tmp_path / "telemock.yaml"
    config.write_text(f"ca-dir: {tmp_path}/from-config\nonly: cribl.io\nport: 8080\n")
    assert cli("ca", "create", "--config", config).exit_code == 0
    digest = hashlib.sha256(cli("ca", "export", "--format", "der", "--config", config).stdout_bytes).hexdigest()
    shown = cli("ca", "show", TELEMOCK_CA_DIR=f"{tmp_path}/from-config").stdout
    assert digest.upper() in shown.replace(":", "")
    assert "CN=root" in cli("ca", "show", TELEMOCK_CA_CERT=brought[1], TELEMOCK_CA_KEY=brought[3]).stdout


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--ca-cert", "none.pem"), 1, "'none.pem' cannot be read: No such file or directory."),
        (("--ca-cert", "damaged.pem"), 1, "damaged.pem holds no certificate in PEM; name the certificate file with"),
        (("--ca-key", "none.pem"), 2, "--ca-key none.pem needs the certificate that it fits"),
        (("--ca-dir", "damaged.pem"), 1, "damaged.pem cannot be written ("),
        (("--ca-dir", "damaged"), 1, "holds no certificate in PEM; put back a copy, or make a new authority with"),
    ],
)
def test_an_authority_that_cannot_be_used_is_a_sentence(
    cli: Cli, tmp_path: Path, options: tuple[str, ...], code: int, said: str
) -> None:
    (tmp_path / "damaged").mkdir()
    for path in (tmp_path / "damaged.pem", tmp_path / "damaged" / KEY_NAME):
        path.write_bytes(b"damaged")
    for command in READING:
        done = cli("ca", command, *options)
        assert (done.exit_code, done.stdout) == (code, "")
        assert said in done.stderr


@pytest.mark.parametrize("value", ['""', '"a\\0b"'])
def test_what_is_no_path_is_a_usage_error(cli: Cli, tmp_path: Path, value: str) -> None:
    (tmp_path / "telemock.yaml").write_text(f"ca-dir: {value}\n")
    done = cli("ca", "show", "--config", "telemock.yaml")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "is not a path." in done.stderr
