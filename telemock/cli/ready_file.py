"""The file that says where a telemock answers, for as long as it does."""

import json
import os
from pathlib import Path

from telemock.cli.own_files import is_ready_file
from telemock.cli.target import Target
from telemock.errors import ExportError
from telemock.files import obstacle, write_whole
from telemock.settings import ServeSettings
from telemock.store.engine import locate


class ReadyFile:
    """What `--ready-file` names.

    Args:
        settings: with a ready file; of a server that listens, when it is written.
    """

    def __init__(self, settings: ServeSettings) -> None:
        self._path = Path(str(settings.ready_file))
        self._target = Target(self._path, "--ready-file", is_ready_file, locate(settings.db))
        said = {
            "host": settings.host,
            "port": settings.port[0],
            "ports": settings.port,
            "pid": os.getpid(),
            "db": settings.db,
        }
        self._content = json.dumps(said).encode() + b"\n"

    def check(self) -> None:
        """Make sure that it can be written, and takes the place of nothing but an earlier one.

        Raises:
            InvalidSetting: it would.
            ExportError: it cannot be written.
        """
        self._target.check()
        if not os.access(self._path.absolute().parent, os.W_OK):
            raise ExportError(f"{self._path} cannot be written; choose another --ready-file.")

    def write(self) -> None:
        """Write it; it is either not there or whole.

        Raises:
            InvalidSetting, ExportError: as `check` does.
        """
        self.check()
        try:
            write_whole(self._path, self._content, mode=self._target.mode)
        except OSError as error:
            raise ExportError(
                f"{self._path} cannot be written: {error.strerror}; choose another --ready-file."
            ) from error

    def remove(self) -> str:
        """Remove what was written, unless something else is there by now; say why that cannot be done, if so."""
        try:
            if not obstacle(self._path, lambda file: file.read() == self._content):
                self._path.unlink(missing_ok=True)
        except OSError as error:
            return error.strerror or str(error)
        return ""
