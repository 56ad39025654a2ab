"""These are the promises of means: what settings name is read before anything is served, or refused in a sentence."""

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from telemock.errors import AuthorityError, InvalidSetting
from telemock.means import Means, read_means
from telemock.settings import ServeSettings


def read(folder: Path, **settings: Any) -> Means:
    return read_means(ServeSettings(ca_dir=folder / "ca", **settings))


async def test_unless_said_everybody_may_and_nothing_is_recorded(tmp_path: Path) -> None:
    means = read(tmp_path)
    assert await means.credentials.refusal(None, "127.0.0.1") is None
    assert means.proxy is None
    assert not means.is_recorded("cribl")
    assert not means.is_recorded(None)
    assert means.authority.certificate_pem == (tmp_path / "ca" / "public" / "telemock-ca-cert.pem").read_bytes()


@pytest.mark.parametrize(
    ("modes", "cribl", "others"),
    [
        (("record",), True, True),
        (("cribl=record",), True, False),
        (("record", "cribl=mock"), False, True),
        (("cribl=mock", "record"), False, True),
        (("record", "mock"), False, False),
        (("mock",), False, False),
    ],
)
def test_a_mode_is_for_all_but_those_that_have_their_own(
    tmp_path: Path,
    modes: tuple[str, ...],
    cribl: bool,  # noqa: FBT001 - a parameter
    others: bool,  # noqa: FBT001 - a parameter
) -> None:
    means = read(tmp_path, mode=modes)
    assert (means.is_recorded("cribl"), means.is_recorded(None)) == (cribl, others)


@pytest.mark.parametrize("mode", ["other=record", "recrod", "=record", ""])
def test_a_mode_that_nobody_knows_is_refused(tmp_path: Path, mode: str) -> None:
    with pytest.raises(InvalidSetting, match=r"is not a mode|unknown profile 'other'; known is cribl\."):
        read(tmp_path, mode=(mode,))
    assert not (tmp_path / "ca").exists()


def test_authorities_are_trusted_besides_the_systems(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "other.pem")
    trusted = read(tmp_path, upstream_ca=tmp_path / "other.pem").trusted
    assert isinstance(trusted, ssl.SSLContext)
    assert trusted.cert_store_stats()["x509_ca"] == ssl.create_default_context().cert_store_stats()["x509_ca"] + 1
    assert trusted.check_hostname


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file or directory"),
        (b"", "it holds no certificate in PEM"),
        (b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "it holds no certificate in PEM"),
    ],
)
def test_authorities_that_cannot_be_read_are_named(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "other.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidSetting, match=rf"^--upstream-ca .*other\.pem cannot be used: {said}\.$"):
        read(tmp_path, upstream_ca=path)


def test_a_folder_of_authorities_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match=r"^--upstream-ca .* cannot be used: "):
        read(tmp_path, upstream_ca=tmp_path)


async def test_passwords_and_the_proxy_are_read(tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text("user:password\n")
    means = read(tmp_path, proxy_auth_file=passwords, upstream_proxy="http://user:password@proxy.test:3128")
    assert await means.credentials.refusal("Basic dXNlcjpwYXNzd29yZA==", "127.0.0.1") is None
    assert means.proxy is not None
    assert str(means.proxy.place) == "http://proxy.test:3128"


@pytest.mark.parametrize(
    "settings", [{"proxy_auth_file": Path("/nowhere/passwords")}, {"upstream_proxy": "socks5://proxy.test"}]
)
def test_what_is_wrong_leaves_no_authority_behind(tmp_path: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidSetting):
        read(tmp_path, **settings)
    assert not (tmp_path / "ca").exists()


def test_an_authority_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    with pytest.raises(AuthorityError):
        read(tmp_path, ca_cert=tmp_path / "none.pem")
