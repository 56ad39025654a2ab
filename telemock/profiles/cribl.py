"""This is Cribl Stream: its telemetry host and the fields of its ping, as observed from version 4.16.1.

The format is not documented by the vendor and drifts: every field may be missing, unknown ones are kept.
"""

import base64
import binascii
from typing import Any

from marshmallow import INCLUDE, Schema, ValidationError, fields, validate

from telemock.profiles.profile import Profile, time_text


def _counter(*, key: str | None = None) -> fields.Integer:
    """Declare a whole number that cannot be negative."""
    return fields.Integer(validate=validate.Range(min=0), data_key=key)


class _Text(fields.String):
    """Text that says something."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=validate.Length(min=1), **options)


class _Clock(fields.Field[Any]):
    """Epoch milliseconds after 2000, or (in events) an ISO 8601 time."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        text = time_text(str(value))
        if text is None or text < "2000":
            raise ValidationError("Not a time in epoch milliseconds.")
        return super()._deserialize(value, attr, data, **options)


class _Base64(fields.String):
    """Base64 of UTF-8 text (RFC 4648 section 4)."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        text = super()._deserialize(value, attr, data, **options)
        try:
            base64.b64decode(text, validate=True).decode()
        except (binascii.Error, ValueError) as error:
            raise ValidationError("Not base64 of text.") from error
        return text


class PingSchema(Schema):
    """The fields of a ping by their names on the wire; an attribute name may not hold the dot that a data key may."""

    class Meta:
        """Unknown fields are what the next version sends: kept, never an error."""

        unknown = INCLUDE

    # product and host
    v = fields.String(
        validate=validate.Regexp(r"\d+\.\d+\.\d+(-[\w.]+)?\Z", error="Not a version such as 4.16.1-20904e45.")
    )
    version = fields.String(validate=validate.Regexp(r"\d+(\.\d+)*(-[\w.]+)?\Z", error="Not a version such as 4.16.1."))
    env = _Text()
    os = _Text()
    kv = _Text()
    # licence
    lic = _Base64()
    licls = _Text()
    # identity
    guid = fields.UUID()
    iid = fields.UUID()
    session_id = _Text()
    user_id = _Text()
    # deployment
    p = _Text()
    dm = _Text()
    it = _Text()
    # feature counters of 4.16.1; their keys change between builds
    fc_giv = _counter(key="fc.giv")
    fc_h7h = _counter(key="fc.h7h")
    fc_EYq = _counter(key="fc.EYq")
    fc_qiD = _counter(key="fc.qiD")
    fc_uOA = _counter(key="fc.uOA")
    fc_rTA = _counter(key="fc.rTA")
    fc_GZs = _counter(key="fc.GZs")
    fc_ffg = _counter(key="fc.ffg")
    fc_nUz = _counter(key="fc.nUz")
    # lookups
    lk_max = _counter(key="lk.max")
    lk_csv = _counter(key="lk.csv")
    # persistent queue and processing
    pp = _counter()
    pp_ie = _counter(key="pp.ie")
    pp_ib = _counter(key="pp.ib")
    pp_ce = _counter(key="pp.ce")
    pp_cb = _counter(key="pp.cb")
    pp_oe = _counter(key="pp.oe")
    pp_ob = _counter(key="pp.ob")
    # volume: bytes and events in and out
    mc = _counter()
    ib = _counter()
    ob = _counter()
    ie = _counter()
    oe = _counter()
    im = _counter()
    # counts
    pc = _counter()
    dc = _counter()
    ic = _counter()
    qc = _counter()
    oc = _counter()
    sc = _counter()
    prc = _counter()
    rc = _counter()
    wpc = _counter()
    tpp = _counter()
    # window
    et = _Clock()
    lt = _Clock()
    timestamp = _Clock()
    # flags
    fs_r = fields.Boolean(data_key="fs.r")


CRIBL = Profile(
    "cribl",
    hosts=("cdn.cribl.io",),
    path_prefix="/telemetry/",
    schema=PingSchema(),
    identity_names={
        "version": ("v", "version"),
        "guid": ("guid", "iid"),
        "env": ("env",),
        "session_id": ("session_id",),
        "client_time": ("timestamp", "lt"),
    },
)
