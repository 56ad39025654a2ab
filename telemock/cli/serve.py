"""This is `telemock serve`: settings in, a served port out, and nothing else.

It refuses to define options: all of them come from the table in `telemock.settings`.
"""

import dataclasses
import os
import signal
import socket
from typing import TYPE_CHECKING, Any

import click

from telemock import __version__
from telemock.cli.options import config_option
from telemock.cli.ready_file import ReadyFile
from telemock.cli.setting_options import setting_options
from telemock.errors import StoreDamaged, StoreUnavailable
from telemock.files import make_folder
from telemock.settings import ServeSettings

if TYPE_CHECKING:
    from telemock.journal import Journal
    from telemock.means import Means


@click.command()
@setting_options(*(setting.name for setting in dataclasses.fields(ServeSettings)))
@config_option
def serve(**options: Any) -> None:
    """Answer the product's telemetry and keep every exchange."""
    # Until the loop listens to signals, Ctrl-C just ends the process: as an exception it could come where Python
    # loses it, in a destructor, and a start that is cut off anywhere leaves a sound database.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    settings = ServeSettings(**options)
    _check_folders(settings)
    # What serves is imported only here: the other commands start without it.
    from telemock.journal import Journal  # noqa: PLC0415
    from telemock.means import read_means  # noqa: PLC0415
    from telemock.server.listener import bind  # noqa: PLC0415
    from telemock.store.engine import locate  # noqa: PLC0415
    from telemock.store.migration import migrate  # noqa: PLC0415

    path = locate(settings.db)
    means = read_means(settings)
    shared = settings.workers > 1
    if shared:  # SO_REUSEPORT would hide that somebody has it
        for each in [bind(settings.host, port) for port in settings.port if port]:
            each.close()
    listening = [bind(settings.host, port, shared=shared) for port in settings.port]
    migrated = migrate(path)
    ports = tuple(each.getsockname()[1] for each in listening)
    settings = dataclasses.replace(settings, db=str(path), port=ports)
    journal = Journal(settings.log_format, settings.log_dir)
    if migrated is not None:
        journal.event(
            "migrated",
            f"{path} was brought from schema {migrated.before} to {migrated.after}, and older telemocks refuse it now. "
            "What is new in it is filled in while telemock serves.",
        )
    try:
        _announce_and_run(settings, means, listening, journal)
    except StoreDamaged as error:
        # What is open stays open: closing it would write to what is damaged.
        click.echo(f"Error: {error}", err=True)
        journal.close()
        os._exit(error.exit_code)
    finally:
        journal.close()


def _announce_and_run(
    settings: ServeSettings, means: "Means", listening: list[socket.socket], journal: "Journal"
) -> None:
    from telemock.app import run  # noqa: PLC0415
    from telemock.authority.folder import utc_now  # noqa: PLC0415
    from telemock.authority.permissions import exposed_files  # noqa: PLC0415
    from telemock.server.listener import site_url  # noqa: PLC0415
    from telemock.store.engine import exposed_files as exposed_database  # noqa: PLC0415
    from telemock.store.engine import locate  # noqa: PLC0415

    urls = [site_url(each) for each in listening]
    journal.event(
        "starting",
        f"telemock {__version__} on {' and '.join(urls)} keeps exchanges in {settings.db}; Ctrl-C stops it.",
        version=__version__,
        url=urls[0],
        db=settings.db,
    )

    for sentence in (
        means.authority.ends_soon(utc_now()),
        *exposed_files(settings.ca_dir, settings.ca_cert, settings.ca_key),
    ):
        if sentence:
            journal.event("authority", sentence, level="warning")
    if exposed := exposed_database(locate(settings.db)):
        journal.event("database_exposed", exposed, level="warning")
    ready = ReadyFile(settings) if settings.ready_file else None

    def on_ready() -> None:
        if ready is not None:
            ready.write()
        journal.event("ready", "ready")

    try:
        if settings.workers > 1:
            from telemock.supervisor import supervise  # noqa: PLC0415

            supervise(settings, journal, on_ready=on_ready)
        else:
            run(settings, means, listening, journal, on_ready=on_ready)
    finally:
        for each in listening:
            each.close()
        if ready is not None and (reason := ready.remove()):
            journal.event("ready_file_left", f"{settings.ready_file} could not be removed: {reason}.", level="warning")
    journal.event("stopped", "stopped")


def _check_folders(settings: ServeSettings) -> None:
    """Make the log folder, and refuse early what could not be written later.

    Raises:
        InvalidSetting: the ready file would replace something else.
        StoreUnavailable, ExportError: it cannot be written.
    """
    if settings.log_dir is not None:
        try:
            make_folder(settings.log_dir)
        except OSError as error:
            raise StoreUnavailable(
                f"The folder {settings.log_dir} cannot be made: {error.strerror}; choose another --log-dir."
            ) from error
        if not os.access(settings.log_dir, os.W_OK):
            raise StoreUnavailable(f"The folder {settings.log_dir} is not writable; choose another --log-dir.")
    if settings.ready_file is not None:
        ReadyFile(settings).check()
