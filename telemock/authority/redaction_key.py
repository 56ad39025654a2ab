"""The key of the fingerprints that stand in place of redacted secrets: a file of its own beside the authority."""

from pathlib import Path
from secrets import token_hex

from telemock.authority.folder import key_file
from telemock.errors import AuthorityError
from telemock.files import make_folder, one_at_a_time, write_whole

REDACTION_KEY_NAME = "redaction.key"
_KEY_BYTES = 32


def redaction_key(ca_dir: Path) -> bytes:
    """Return the key of a folder, 32 bytes; made on first use, once for all processes that ask at the same time.

    Raises:
        AuthorityError: it cannot be made or read, or is damaged.
    """
    path = key_file(ca_dir).with_name(REDACTION_KEY_NAME)
    try:
        make_folder(path.parent)
        with one_at_a_time(path.parent):
            if not path.exists():
                write_whole(path, f"{token_hex(_KEY_BYTES)}\n".encode(), mode=0o600)
        text = path.read_bytes()
    except OSError as error:
        raise AuthorityError(
            f"The key of --redact-secrets, {path}, cannot be read or made: {error.strerror}."
        ) from error
    try:
        key = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise AuthorityError(
            f"The key of --redact-secrets, {path}, is damaged: it is not {2 * _KEY_BYTES} hexadecimal digits. Put "
            "back a copy, or remove it for a new one, whose fingerprints will differ."
        )
    return key
