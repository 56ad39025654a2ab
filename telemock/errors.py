"""This is the tree of errors that cross room borders; each message is one sentence a user can act on.

TelemockError
├── InvalidSetting        an option, argument or configuration file is wrong      exit 2
├── ListenError           the address cannot be served                            exit 1
├── ExpectationNotMet     what was captured is not what --fail-on allows          exit 1
├── ExportError           a file cannot be written, or not in that format         exit 1
├── HealthError           the server that was asked is not healthy                exit 1
├── InvalidHost           a name is neither a host name nor an IP address
├── AuthorityError        the certificate authority cannot be made or used        exit 1
├── ProgramError          the program that was to be run cannot be                exit 126
│   └── ProgramMissing    there is none of that name                              exit 127
├── EventsRejected        a posted body is not a JSON object, array or NDJSON
│   └── UnknownCoding     it is coded in a way that is not undone
├── MalformedRequest      a head is not HTTP, or could be read in two ways
├── UpstreamError         another server that was wanted cannot be reached
│   └── UpstreamForbidden  nobody may be let through to it
└── StoreError            the database                                            exit 1
    ├── StoreMissing      there is none where one was expected
    ├── StoreForeign      the file is not a telemock database, or of a newer telemock
    └── StoreUnavailable  it cannot take or give exchanges now
        └── StoreDamaged  its files were damaged while it was in use

It refuses to wrap what no caller can act on: a bug stays the exception it is.
"""


class TelemockError(Exception):
    """Any failure that telemock foresees; `str(error)` is one sentence for the user."""

    exit_code = 1


class InvalidSetting(TelemockError):
    """An option, argument or configuration file holds a value that cannot be used."""

    exit_code = 2


class ListenError(TelemockError):
    """The address cannot be bound."""


class ExpectationNotMet(TelemockError):
    """What was captured holds something that `--fail-on` rules out."""


class ExportError(TelemockError):
    """A file that was asked for cannot be written, or not in that format here."""


class HealthError(TelemockError):
    """A running telemock says, or shows by silence, that it is not healthy."""


class InvalidHost(TelemockError):
    """A name is neither a host name nor an IP address, so that no certificate can be for it."""


class AuthorityError(TelemockError):
    """The certificate authority cannot be made, read or used, or its public files cannot be written."""


class ProgramError(TelemockError):
    """What was to be run is no program, or not one that may be executed here; the code is the one that shells use."""

    exit_code = 126


class ProgramMissing(ProgramError):
    """There is no program of that name."""

    exit_code = 127


class EventsRejected(TelemockError):
    """A body posted to the events endpoint is not what it takes; the message names line and column."""


class UnknownCoding(EventsRejected):
    """A body has a content coding that is not undone here."""


class MalformedRequest(TelemockError):
    """What a client sent is not HTTP, or could be read in two ways."""


class UpstreamError(TelemockError):
    """Another server, which a client or a rule wanted, cannot be reached."""


class UpstreamForbidden(UpstreamError):
    """Nobody may be let through to that address, whatever the policy."""


class StoreError(TelemockError):
    """The database cannot be used."""


class StoreMissing(StoreError):
    """There is no database where one was expected."""


class StoreForeign(StoreError):
    """The file is no telemock database, or one of a newer telemock; it was left untouched."""


class StoreUnavailable(StoreError):
    """The store cannot take or give exchanges now.

    `reason` is a short fixed word for metrics: `queue_full`, `store_failed`, `store_slow`, `unstorable` or
    `stopping`.
    """

    def __init__(self, message: str, reason: str = "store_failed") -> None:
        super().__init__(message)
        self.reason = reason


class StoreDamaged(StoreUnavailable):
    """The store's files were damaged while it was in use: what was just written may be lost, or be there all the same.

    Who tries the same records again may store them twice.
    """
