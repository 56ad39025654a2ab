"""This is how a database gets to the newest schema, whoever starts first.

It refuses files that are not telemock's, or that a newer telemock made, before anything is written.
"""

import os
import sqlite3
from importlib.resources import files
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from telemock.errors import StoreError, StoreForeign, StoreUnavailable
from telemock.files import LOCK_SECONDS, one_at_a_time
from telemock.store.engine import check_is_ours, make_private, migrating_connection
from telemock.store.schema import HEAD


def migrate(path: Path) -> None:
    """Create the database, or bring it to this telemock's schema, in one transaction.

    Raises:
        StoreForeign: the file is not telemock's or is newer; untouched.
        StoreUnavailable: the folder or file cannot be written.
    """
    try:
        if not path.parent.is_dir():
            raise StoreUnavailable(
                f"There is no folder {path.parent} for the database; make it, or choose another --db."
            )
        make_private(path)
        # Not its folder: whoever may read that could keep telemock from starting.
        with one_at_a_time(path):
            _migrate(path)
    except StoreError:
        raise
    except TimeoutError as error:
        raise StoreUnavailable(
            f"The database {path} has been locked by another program for {LOCK_SECONDS:.0f} s; end it, or try again "
            "when it is done, if it is a telemock that upgrades the database."
        ) from error
    except (OSError, sqlite3.Error, DBAPIError) as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        raise StoreUnavailable(
            f"The database {path} cannot be written ({reason}); check permissions and space, or choose another --db."
        ) from error


def _migrate(path: Path) -> None:
    if path.exists():
        check_is_ours(path)
        if not os.access(path, os.W_OK):
            raise StoreUnavailable(f"The database {path} is read-only; make it writable, or choose another --db.")
        if _revision(path) == HEAD:
            return
    # Alembic takes 150 ms to import: only who has to migrate pays for it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(files("telemock.migrations")).replace("%", "%%"))
    revision = _revision(path) if path.exists() else None
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise StoreForeign(
            f"{path} was made by a newer telemock (schema {revision}) and was left untouched; "
            "upgrade telemock, or choose another file with --db."
        )
    with migrating_connection(path) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, HEAD)


def _revision(path: Path) -> str | None:
    """Read the schema revision Alembic noted; None for an empty database."""
    connection = sqlite3.connect(path, timeout=10)
    try:
        row = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
        if row is None:
            return None
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
    finally:
        connection.close()
