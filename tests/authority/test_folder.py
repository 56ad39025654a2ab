"""The authority's folder, as other processes and other users find it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from telemock.authority.bundle import bundle
from telemock.authority.folder import (
    KEY_NAME,
    OLD_KEY_NAME,
    TRUST_STORE_PASSWORD,
    create_authority,
    key_file,
    old_keys,
    open_authority,
    public_files,
    publish,
)
from telemock.errors import AuthorityError, InvalidSetting
from telemock.hosts import host_range
from tests.authority.certificates import DAY, KEYS, NOW, certify, verdict
from tests.cli.process import HANG_SECONDS, without_root_rights

OPEN = """
import sys
from pathlib import Path
from telemock.authority.folder import open_authority
from telemock.errors import TelemockError
print("ready", flush=True)
sys.stdin.read()
try:
    sys.stdout.write(open_authority(Path(sys.argv[1])).certificate_pem.decode())
except TelemockError as error:
    sys.exit(str(error))
"""

# Ends the process, as a kill would, before the given one of the steps that touch the file system.
CRASH = """
import os, sys
from pathlib import Path
from telemock.authority.folder import open_authority
left = int(sys.argv[2])
def count(event, arguments):
    global left
    if event in ("open", "os.mkdir", "os.chmod", "os.rename", "os.remove", "fcntl.flock"):
        left -= 1
        if not left:
            os._exit(9)
os.umask(0)
sys.addaudithook(count)
open_authority(Path(sys.argv[1]))
"""


def python(script: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", script, *map(str, arguments)]


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


ALL = {
    KEY_NAME,
    "public",
    "public/telemock-ca-cert.pem",
    "public/telemock-ca-cert.cer",
    "public/telemock-ca-cert.p12",
    "public/telemock.wgetrc",
    "public/telemock.ini",
    "public/telemock-ca-bundle.pem",
}


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_the_owner_reads_the_key_and_anybody_the_rest(tmp_path: Path, umask: int) -> None:
    folder = tmp_path / "authorities" / "ours"
    before = os.umask(umask)
    try:
        open_authority(folder)
    finally:
        os.umask(before)
    assert (mode(folder), mode(folder / KEY_NAME), mode(folder / "public")) == (0o700, 0o600, 0o755)
    assert names(folder) == ALL
    for path in (folder / "public").iterdir():
        assert mode(path) == 0o644
        assert b"PRIVATE KEY" not in path.read_bytes()


def test_all_public_files_hold_the_one_certificate(tmp_path: Path) -> None:
    authority = open_authority(tmp_path / "ca")
    files = public_files(tmp_path / "ca")
    assert files.pem.read_bytes() == authority.certificate_pem
    assert files.der.read_bytes() == authority.certificate_der
    assert files.bundle.read_bytes() == bundle(authority.certificate_pem)
    store = load_pkcs12(files.p12.read_bytes(), TRUST_STORE_PASSWORD.encode())
    assert (store.key, store.cert) == (None, None)
    (entry,) = store.additional_certs
    assert entry.certificate == x509.load_der_x509_certificate(authority.certificate_der)
    assert entry.friendly_name == b"telemock"
    assert TRUST_STORE_PASSWORD == "changeit", "what Java's users try first"


def test_the_authority_stays_the_same_and_nothing_is_written_again(tmp_path: Path) -> None:
    first = open_authority(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert open_authority(tmp_path).private_pem() == first.private_pem()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    open_authority(tmp_path)
    assert (mode(tmp_path), mode(tmp_path / KEY_NAME)) == (0o755, 0o600)


def test_a_leaf_of_an_opened_authority_is_taken_by_who_trusts_the_public_file(tmp_path: Path) -> None:
    open_authority(tmp_path / "ca")
    authority = open_authority(tmp_path / "ca")
    chain = authority.issue(("cdn.cribl.io",), KEYS["EC"].public_key(), NOW).chain_pem
    trusted = public_files(tmp_path / "ca").pem.read_bytes()
    assert verdict(tmp_path, trusted, chain, "cdn.cribl.io") == "OK"


def test_many_processes_that_start_at_once_agree_on_one_authority(tmp_path: Path) -> None:
    folder = tmp_path / "ca"
    processes = [
        subprocess.Popen(python(OPEN, folder), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(8)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
    said = set()
    for process in processes:
        assert process.stdout is not None
        with process:
            said.add(process.stdout.read())
        assert process.returncode == 0
    assert said == {public_files(folder).pem.read_text()}
    assert names(folder) == ALL


def test_a_crash_at_any_moment_leaves_no_authority_or_a_whole_one_that_is_secret(tmp_path: Path) -> None:
    crashes = 0
    while True:
        folder = tmp_path / str(crashes) / "ca"
        code = subprocess.run(python(CRASH, folder, crashes + 1), timeout=HANG_SECONDS, check=False).returncode
        if code == 0:
            break
        assert code == 9
        crashes += 1
        for path in folder.glob("*"):
            assert path.is_dir() or mode(path) == 0o600, "seen by others"
        kept = key_file(folder).read_bytes() if key_file(folder).exists() else None
        for path in public_files(folder).pem.parent.glob("telemock-ca-*"):
            assert path.read_bytes(), "seen half-written"
        authority = open_authority(folder)
        assert kept in (None, authority.private_pem())
        assert {name for name in names(folder) if "/." not in name} == ALL, "no draft with a key stays"
        assert (mode(folder), mode(folder / "public")) == (0o700, 0o755)
    assert crashes > 10


@pytest.mark.parametrize("content", [None, b"", b"half", b"of another"])
@pytest.mark.parametrize("name", ["pem", "der", "p12", "bundle"])
def test_a_public_file_that_is_not_the_authoritys_is_made_anew(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    open_authority(tmp_path / "ca")
    other = open_authority(tmp_path / "other")
    file: Path = getattr(public_files(tmp_path / "ca"), name)
    good = file.read_bytes()
    file.unlink()
    if content == b"half":
        file.write_bytes(good[: len(good) // 2])
    elif content == b"of another":
        file.write_bytes(getattr(public_files(tmp_path / "other"), name).read_bytes())
    elif content is not None:
        file.write_bytes(content)
    authority = open_authority(tmp_path / "ca")
    assert authority.certificate_pem != other.certificate_pem
    if name == "p12":
        (entry,) = load_pkcs12(file.read_bytes(), b"changeit").additional_certs
        assert entry.certificate == x509.load_der_x509_certificate(authority.certificate_der)
    else:
        assert file.read_bytes() == good
    assert mode(file) == 0o644


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda _: b"", "holds no certificate in PEM; put back a copy, or make a new authority with"),
        (lambda pem: pem[:-40], "holds no certificate|is damaged"),
        (lambda pem: pem[200:], "holds no private key in PEM; put back a copy"),
        (lambda pem: certify("else", KEYS["RSA"]).certificate_pem + pem, "does not fit the certificate in"),
        (lambda _: certify("old", end=NOW - DAY).certificate_pem + certify("old").key_pem, "expired on .* --force"),
        (lambda _: certify("leaf", ca=False).certificate_pem + certify("leaf").key_pem, "is no authority's"),
    ],
)  # fmt: skip
def test_a_damaged_key_file_is_told_and_never_replaced(
    tmp_path: Path, damage: Callable[[bytes], bytes], reason: str
) -> None:
    open_authority(tmp_path)
    file = tmp_path / KEY_NAME
    file.write_bytes(damage(file.read_bytes()))
    before = file.read_bytes()
    with pytest.raises(AuthorityError, match=reason):
        open_authority(tmp_path)
    assert file.read_bytes() == before


def test_the_clock_decides_what_has_expired(tmp_path: Path) -> None:
    open_authority(tmp_path, now=lambda: NOW - 3700 * DAY)
    with pytest.raises(AuthorityError, match="expired on "):
        open_authority(tmp_path, now=lambda: NOW)
    assert open_authority(tmp_path, now=lambda: NOW - 100 * DAY)


def test_a_folder_that_may_not_be_written_is_a_sentence(tmp_path: Path) -> None:
    sealed = tmp_path / "sealed"
    sealed.mkdir(0o555)
    with_key = tmp_path / "with key"
    open_authority(with_key)
    public_files(with_key).pem.unlink()
    public_files(with_key).pem.parent.chmod(0o555)
    closed = tmp_path / "closed"
    open_authority(closed)
    closed.chmod(0o000)
    for folder, named in (
        (sealed / "ca", sealed / "ca"),
        (sealed, sealed),
        (with_key, with_key / "public"),
        (closed, closed),
    ):
        command = without_root_rights(python(OPEN, folder))
        done = subprocess.run(command, input="", capture_output=True, text=True, timeout=HANG_SECONDS, check=False)
        assert done.returncode == 1
        assert done.stderr == (
            f"The folder {named} cannot be written (Permission denied); make it writable, or choose another with "
            "--ca-dir, or name an authority's own files with --ca-cert and --ca-key.\n"
        )
    closed.chmod(0o700)


def test_a_file_in_the_folders_place_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AuthorityError, match="cannot be written"):
        open_authority(tmp_path / "file")


def test_the_folder_may_begin_with_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    open_authority(Path("~/.telemock"))
    assert key_file(Path("~/.telemock")) == tmp_path / ".telemock" / KEY_NAME
    assert names(tmp_path / ".telemock") == ALL
    with pytest.raises(AuthorityError, match="is in no home that is known; name a folder with --ca-dir"):
        open_authority(Path("~nobody-of-that-name/ca"))


def test_files_of_ones_own_need_no_folder(tmp_path: Path) -> None:
    root = certify("root", KEYS["RSA"])
    signer = certify("signer", by=root)
    (tmp_path / "ca.pem").write_bytes(signer.certificate_pem + root.certificate_pem)
    (tmp_path / "key.pem").write_bytes(signer.key_pem)
    authority = open_authority(tmp_path / "none", tmp_path / "ca.pem", tmp_path / "key.pem")
    assert authority.certificate_pem == root.certificate_pem
    assert names(tmp_path) == {"ca.pem", "key.pem"}
    files = publish(authority, tmp_path / "none")
    assert files.pem.read_bytes() == root.certificate_pem
    assert names(tmp_path / "none") == ALL - {KEY_NAME}
    with pytest.raises(InvalidSetting, match="needs the certificate that it fits; name its file with --ca-cert"):
        open_authority(tmp_path, None, tmp_path / "key.pem")


def test_files_of_ones_own_that_do_not_fit_say_what_to_name(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(certify("root").certificate_pem)
    with pytest.raises(AuthorityError, match="name the certificate file with --ca-cert and its key with --ca-key"):
        open_authority(tmp_path / "none", tmp_path / "ca.pem")


def test_an_authority_is_made_once_and_replaced_only_by_force(tmp_path: Path) -> None:
    made = create_authority(tmp_path, only=[host_range("cribl.io")])
    assert made.describe()["only for"] == "cribl.io"
    assert open_authority(tmp_path).private_pem() == made.private_pem()
    with pytest.raises(AuthorityError, match=r"There is a certificate authority already, .*; `telemock ca show`"):
        create_authority(tmp_path)
    assert open_authority(tmp_path).private_pem() == made.private_pem()
    new = create_authority(tmp_path, force=True)
    assert open_authority(tmp_path).private_pem() == new.private_pem() != made.private_pem()
    old = tmp_path / OLD_KEY_NAME
    assert (old.read_bytes(), mode(old)) == (made.private_pem(), 0o600)
    create_authority(tmp_path, force=True)
    newest = create_authority(tmp_path, force=True)
    assert [each.name for each in old_keys(tmp_path / KEY_NAME)] == [f"{OLD_KEY_NAME}{end}" for end in ("", ".2", ".3")]
    assert old.read_bytes() == made.private_pem()
    second = old.with_name(f"{OLD_KEY_NAME}.2")
    assert (second.read_bytes(), mode(second)) == (new.private_pem(), 0o600)
    new = newest
    assert public_files(tmp_path).pem.read_bytes() == new.certificate_pem
    assert names(tmp_path) == {*ALL, OLD_KEY_NAME, f"{OLD_KEY_NAME}.2", f"{OLD_KEY_NAME}.3"}


def test_force_replaces_a_damaged_one_too(tmp_path: Path) -> None:
    (tmp_path / KEY_NAME).write_bytes(b"damaged")
    new = create_authority(tmp_path, force=True)
    assert open_authority(tmp_path).private_pem() == new.private_pem()
    assert (tmp_path / OLD_KEY_NAME).read_bytes() == b"damaged"
