"""Whoever else may read or replace the private key is told of, with the command that ends it."""

from pathlib import Path

import pytest

from telemock.authority.folder import create_authority, key_file
from telemock.authority.permissions import exposed_files
from tests.authority.certificates import DAY, NOW, certify
from tests.conftest import Cli
from tests.journeys.serving import starting


@pytest.fixture
def ca_dir(tmp_path: Path) -> Path:
    create_authority(tmp_path / "the ca")
    return tmp_path / "the ca"


def test_of_what_is_made_here_nobody_is_told(ca_dir: Path) -> None:
    create_authority(ca_dir, force=True)
    assert exposed_files(ca_dir) == []
    assert exposed_files(ca_dir / "none") == []


@pytest.mark.parametrize("name", ["telemock-ca.pem", "telemock-ca.pem.old"])
@pytest.mark.parametrize(("mode", "what"), [(0o644, "read"), (0o640, "read"), (0o602, "changed"), (0o620, "changed")])
def test_a_key_that_is_not_its_owners_alone_is_told(ca_dir: Path, name: str, mode: int, what: str) -> None:
    create_authority(ca_dir, force=True)
    path = ca_dir / name
    path.chmod(mode)
    assert exposed_files(ca_dir) == [
        f"The private key {path} can be {what} by others (mode {mode:04o}); type chmod 600 '{path}'"
    ]
    assert exposed_files(ca_dir / "none", path) == exposed_files(ca_dir / "none", ca_dir, path) == exposed_files(ca_dir)


@pytest.mark.parametrize(
    ("mode", "what"), [(0o755, "list"), (0o777, "replace the private key in"), (0o730, "replace the private key in")]
)
def test_a_folder_that_others_may_look_into_or_change_is_told(ca_dir: Path, mode: int, what: str) -> None:
    ca_dir.chmod(mode)
    assert exposed_files(ca_dir) == [
        f"Others may {what} the folder {ca_dir} (mode {mode:04o}); type chmod go-rw '{ca_dir}'"
    ]
    ca_dir.chmod(0o711)  # so that others reach what is public
    assert exposed_files(ca_dir) == []


@pytest.mark.parametrize("command", [("path",), ("show",), ("env",), ("create", "--force")])
def test_commands_warn_and_do_what_they_were_told(cli: Cli, ca_dir: Path, command: tuple[str, ...]) -> None:
    ca_dir.chmod(0o777)
    done = cli("ca", *command, "--ca-dir", ca_dir)
    assert (done.exit_code, done.stderr) == (0, f"Warning: {exposed_files(ca_dir)[0]}\n")


def test_the_doctor_warns_with_what_to_type(cli: Cli, ca_dir: Path) -> None:
    said = "key: The private key of the authority is its owner's alone.\n"
    assert said in cli("doctor", "--url", "http://127.0.0.1:9", "--ca-dir", ca_dir).stdout
    key_file(ca_dir).chmod(0o644)
    told = cli("doctor", "--url", "http://127.0.0.1:9", "--ca-dir", ca_dir).stdout
    assert f"next: Type chmod 600 '{key_file(ca_dir)}'\n" in told
    assert " key: " not in cli("doctor", "--url", "http://127.0.0.1:9", "--ca-cert", key_file(ca_dir)).stdout


def test_who_serves_is_warned_at_the_start(tmp_path: Path) -> None:
    create_authority(tmp_path / "ca")
    key_file(tmp_path / "ca").chmod(0o644)
    with starting(tmp_path) as server:
        line = server.line("authority")
    assert line["level"] == "warning"
    assert line["message"] == exposed_files(tmp_path / "ca")[0]


def test_who_serves_with_an_authority_that_ends_soon_is_warned_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "brought.pem"
    brought = certify("brought", end=NOW + 9 * DAY)
    file.write_bytes(brought.certificate_pem + brought.key_pem)
    file.chmod(0o600)
    with starting(tmp_path, "--ca-cert", str(file)) as server:
        said = server.line("authority")["message"]
    assert said == (
        f"The certificate authority expires on {NOW + 9 * DAY:%Y-%m-%d}; before that day replace the files that "
        "--ca-cert and --ca-key name, restart telemock and let clients trust the new one."
    )
