"""This is how what was learnt is written down, so that a later look at the same capture reads only what is new.

It refuses to take what does not hang together, or what other code wrote: then everything is learnt again. What is
read is data, checked against its types, and never run.
"""

import hashlib
import json
import zlib
from collections import deque
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, get_origin

import msgspec

from telemock.analysis.cadence import KEPT_DELAYS, Times
from telemock.analysis.endpoint import IsAmount, nobody_knows
from telemock.analysis.findings import Watch
from telemock.analysis.inventory import InstanceState, Inventory, Learnt
from telemock.analysis.planted import Planted
from telemock.analysis.sketches import Distinct, Quantiles

# What follows more than this many fields of instances would take too much memory to be written down.
MOST_FOLLOWED = 100_000
_MOST_BYTES = 2**28


def write_learnt(inventory: Inventory) -> bytes | None:
    """Write down what an inventory, not yet closed, has learnt; None when that is too much."""
    learnt = inventory.learnt()
    if sum(map(_followed, learnt.instances)) > MOST_FOLLOWED:
        return None
    plain = msgspec.to_builtins(learnt, str_keys=True, enc_hook=_to_plain)
    # JSON has, unlike UTF-8, a way to write the lone surrogates that captured bytes may stand as.
    return zlib.compress(json.dumps(plain, separators=(",", ":")).encode(), level=1)


def read_learnt(
    content: bytes,
    planted: Iterable[Planted],
    *,
    path_templates: bool = True,
    is_amount: IsAmount = nobody_knows,
) -> Inventory | None:
    """Go on from what was written down; None when it cannot be used.

    Args:
        content: what `write_learnt` gave.
        planted: the same values as before.
        path_templates: the same choice as before; see `Inventory`.
        is_amount: what is known of fields, as before.
    """
    try:
        plain = json.loads(zlib.decompressobj().decompress(content, _MOST_BYTES))
        learnt = msgspec.convert(plain, Learnt, strict=False, dec_hook=_from_plain)
        return Inventory(planted, learnt, path_templates=path_templates, is_amount=is_amount)
    except (zlib.error, ValueError, LookupError, TypeError, RecursionError):
        return None


def learnt_key(subject: str, planted: Iterable[Planted]) -> str:
    """Name what was learnt: by what it is about, by what was looked for, and by the code that learnt it.

    Args:
        subject: which exchanges were read, in any words that are the same for the same ones.
        planted: they cannot be told from the key.
    """
    values = [(each.name, each.value) for each in planted]
    about = json.dumps([subject, values, _code()])
    return hashlib.sha256(about.encode()).hexdigest()


def _followed(state: InstanceState) -> int:
    in_others = sum(len(series.followed) for series in state.others.values())
    inside = sum(len(series.followed) for series in state.opened.values())
    return len(state.query.followed) + len(state.body.followed) + in_others + inside


@cache
def _code() -> str:
    """Name this program by all of its code: a change anywhere may be one of what is learnt."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _to_plain(value: object) -> Any:
    if isinstance(value, Distinct | Quantiles):
        return value.to_bytes().hex()
    if isinstance(value, Times | deque):
        return [*value]
    if isinstance(value, Watch):
        return None
    raise TypeError(f"{type(value)} cannot be written down.")


def _from_plain(kind: type, value: Any) -> Any:
    if kind in (Distinct, Quantiles):
        return kind(bytes.fromhex(value))
    if kind is Times:
        return Times(value)
    if (get_origin(kind) or kind) is deque:
        return deque(map(float, value), KEPT_DELAYS)
    raise TypeError(f"{kind} cannot be read.")
