"""This is `telemock ca`: the certificate authority for those who have to make clients trust it.

It refuses to print the private key, and to replace an authority unless that is asked for.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from telemock.cli.client_env import SHELLS, client_environment, shell_lines
from telemock.cli.options import PATH, TEXT, check_url, config_option, no_proxy_option, option, url_option
from telemock.cli.output import output
from telemock.cli.setting_options import setting_options
from telemock.cli.target import Target
from telemock.errors import InvalidHost, InvalidSetting
from telemock.text import printable

if TYPE_CHECKING:
    # It takes 50 ms to import, which --help need not pay.
    from telemock.authority.authority import Authority
    from telemock.authority.folder import PublicFiles

# More than any certificate has.
_CERTIFICATE_BYTES = 2**20

_authority_options = setting_options("ca_dir", "ca_cert", "ca_key")


class _Range(click.ParamType[Any]):
    """A host name and all below it, an address, or a network."""

    name = "host"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from telemock.hosts import host_range  # noqa: PLC0415 - only who confines needs it

        try:
            return host_range(TEXT.convert(value, param, ctx))
        except InvalidHost as error:
            self.fail(str(error), param, ctx)


@click.group()
def ca() -> None:
    """Show, export or make the certificate authority.

    Clients that trust its certificate take telemock for any host. Each command but create makes the authority
    if there is none yet.
    """


@ca.command()
@_authority_options
@config_option
def show(ca_dir: Path, ca_cert: Path | None, ca_key: Path | None) -> None:
    """Tell what the authority is, and where its files are."""
    authority, files = _opened(ca_dir, ca_cert, ca_key)
    from telemock.authority.folder import TRUST_STORE_PASSWORD, key_file  # noqa: PLC0415 - see above

    secret = key_file(ca_dir) if ca_cert is None else ca_key or ca_cert
    facts = {
        **authority.describe(),
        "private key": str(secret),
        "certificate": str(files.pem),
        "as DER": str(files.der),
        "for Java": f"{files.p12} (password {TRUST_STORE_PASSWORD})",
        "with roots": str(files.bundle),
    }
    with output() as stream:
        for name, value in facts.items():
            stream.write(f"{name:<11}  {printable(value)}\n")


@ca.command()
@option("--der", is_flag=True, help="The certificate in DER, as Windows and Android take it.")
@option("--p12", is_flag=True, help="The certificate as a Java trust store, with the password changeit.")
@option("--bundle", is_flag=True, help="The certificate behind the roots that this system trusts, in PEM.")
@_authority_options
@config_option
def path(ca_dir: Path, ca_cert: Path | None, ca_key: Path | None, **kinds: bool) -> None:
    """Print where the public certificate is, and nothing else.

    It is in PEM unless another form is asked for: curl --cacert "$(telemock ca path)" …
    """
    wanted = [kind for kind, is_wanted in kinds.items() if is_wanted]
    if len(wanted) > 1:
        raise click.UsageError(f"--{wanted[0]} cannot be used with --{wanted[1]}.")
    _, files = _opened(ca_dir, ca_cert, ca_key)
    _write(os.fsencode(getattr(files, wanted[0] if wanted else "pem")) + b"\n")


@ca.command()
@option(
    "--format",
    "format_name",
    type=click.Choice(["pem", "der", "p12"]),
    default="pem",
    show_default=True,
    help="PEM text, DER, or a Java trust store with the password changeit.",
)
@option(
    "--output",
    "target",
    type=PATH,
    default="-",
    show_default=True,
    help="File to write; - is standard output.",
)
@_authority_options
@config_option
def export(format_name: str, target: Path, ca_dir: Path, ca_cert: Path | None, ca_key: Path | None) -> None:
    """Write the public certificate."""
    authority = _authority(ca_dir, ca_cert, ca_key)
    from telemock.authority.folder import is_exported_certificate, trust_store  # noqa: PLC0415 - see above

    if format_name == "p12":
        content = trust_store(authority)
    else:
        content = authority.certificate_pem if format_name == "pem" else authority.certificate_der
    if str(target) != "-":
        wanted = Target(
            target,
            "--output",
            lambda file: is_exported_certificate(file.read(_CERTIFICATE_BYTES), authority),
            mode=0o644,
        )
        with wanted.draft() as draft:
            draft.write_bytes(content)
        click.echo(printable(f"Wrote {target}: the certificate, in {format_name.upper()}."), err=True)
        return
    if format_name != "pem" and sys.stdout.isatty():
        raise InvalidSetting("The certificate is binary in this format; send it to a file with --output or a pipe.")
    _write(content)


@ca.command()
@option("--shell", type=click.Choice(list(SHELLS)), default="sh", show_default=True, help="Who is to read the lines.")
@url_option
@no_proxy_option
@_authority_options
@config_option
def env(shell: str, url: str, no_proxy: str, *, ca_dir: Path, ca_cert: Path | None, ca_key: Path | None) -> None:
    """Print the environment that sends a client through telemock.

    \b
    sh:          eval "$(telemock ca env)"
    fish:        telemock ca env --shell fish | source
    PowerShell:  telemock ca env --shell powershell | Out-String | Invoke-Expression
    Docker:      telemock ca env --shell docker > telemock.env; docker run --env-file telemock.env …
    systemd:     lines for the [Service] section of a drop-in
    """  # noqa: D301 - click's mark for lines that stay as they are
    check_url(url)
    _, files = _opened(ca_dir, ca_cert, ca_key)
    _write(os.fsencode(shell_lines(client_environment(url, files, no_proxy), shell)))


@ca.command()
@option(
    "--only",
    type=_Range(),
    multiple=True,
    help="Sign for nothing else: a host and all names below it, an address or a network; repeatable.",
)
@option(
    "--force",
    is_flag=True,
    help="Replace the one that is there, which is kept as telemock-ca.pem.old, or .old.2 and so on.",
)
@setting_options("ca_dir")
@config_option
def create(only: tuple[Any, ...], ca_dir: Path, *, force: bool) -> None:
    """Make a certificate authority."""
    from telemock.authority.folder import (  # noqa: PLC0415 - see above
        create_authority,
        key_file,
        old_keys,
        public_files,
    )

    secret = key_file(ca_dir)
    replaces = os.access(secret, os.F_OK)
    authority = create_authority(ca_dir, only=only, force=force)
    _warn(ca_dir)
    lines = [f"Made {authority.describe()['subject']}, for {authority.describe()['only for']}."]
    if replaces:
        lines.append(f"The one before is kept as {old_keys(secret)[-1]}; clients do not trust the new one yet.")
        lines.append("A telemock that runs goes on with the one before until it is started again.")
    lines.append(f"Clients must trust {public_files(ca_dir).pem}; `telemock ca env` prints how.")
    with output() as stream:
        stream.writelines(printable(line) + "\n" for line in lines)


def _opened(ca_dir: Path, ca_cert: Path | None, ca_key: Path | None) -> "tuple[Authority, PublicFiles]":
    """Open the authority and give where its public files are; they are there."""
    from telemock.authority.folder import publish  # noqa: PLC0415 - see above

    authority = _authority(ca_dir, ca_cert, ca_key)
    return authority, publish(authority, ca_dir)


def _authority(ca_dir: Path, ca_cert: Path | None, ca_key: Path | None) -> "Authority":
    from telemock.authority.folder import key_file, open_authority, public_files  # noqa: PLC0415 - see above

    is_new = ca_cert is None and not os.access(key_file(ca_dir), os.F_OK)
    authority = open_authority(ca_dir, ca_cert, ca_key)
    if is_new:
        made = f"Made a certificate authority; clients must trust {public_files(ca_dir).pem}."
        click.echo(printable(made), err=True)
    _warn(ca_dir, ca_cert, ca_key)
    return authority


def _warn(ca_dir: Path, ca_cert: Path | None = None, ca_key: Path | None = None) -> None:
    """Tell on standard error who else has the key."""
    from telemock.authority.permissions import exposed_files  # noqa: PLC0415 - see above

    for sentence in exposed_files(ca_dir, ca_cert, ca_key):
        click.echo(f"Warning: {printable(sentence)}", err=True)


def _write(content: bytes) -> None:
    with output():
        sys.stdout.buffer.write(content)
