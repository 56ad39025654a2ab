"""This is what the rooms of the server tell each other about one request while it is answered."""

from dataclasses import dataclass

from aiohttp import web

from telemock.exchange import Outcome
from telemock.profiles.profile import Profile, Reading
from telemock.server.body import NO_BODY, Body
from telemock.server.body_memory import Room
from telemock.server.target import Target


@dataclass(slots=True)
class Notes:
    """Made by capture before the handler runs; handlers say `outcome`, and may refine `reading`."""

    target: Target
    query: str  # raw, still percent-encoded
    profile: Profile | None
    reading: Reading
    body: Body = NO_BODY
    trailers: str | None = None  # as an exchange keeps them
    outcome: Outcome = "unmatched"
    answer_room: Room | None = None  # the memory that a recorded answer has


NOTES: web.RequestKey[Notes] = web.RequestKey("notes", Notes)
