"""This is Cribl Stream: its telemetry host and the fields of its ping, as observed from version 4.16.1.

The format is not documented by the vendor and drifts: every field may be missing, unknown ones are kept.
"""

import base64
import binascii
from typing import Any

from marshmallow import INCLUDE, Schema, ValidationError, fields, validate

from telemock.profiles.profile import Profile, time_text


class _Counter(fields.Integer):
    """A whole number that is not negative: as text in a query, as a JSON number in an event."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=validate.Range(min=0), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if isinstance(value, float) and not value.is_integer():
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **options)


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
    fc_giv = _Counter(data_key="fc.giv")
    fc_h7h = _Counter(data_key="fc.h7h")
    fc_EYq = _Counter(data_key="fc.EYq")
    fc_qiD = _Counter(data_key="fc.qiD")
    fc_uOA = _Counter(data_key="fc.uOA")
    fc_rTA = _Counter(data_key="fc.rTA")
    fc_GZs = _Counter(data_key="fc.GZs")
    fc_ffg = _Counter(data_key="fc.ffg")
    fc_nUz = _Counter(data_key="fc.nUz")
    # lookups
    lk_max = _Counter(data_key="lk.max")
    lk_csv = _Counter(data_key="lk.csv")
    # persistent queue and processing
    pp = _Counter()
    pp_ie = _Counter(data_key="pp.ie")
    pp_ib = _Counter(data_key="pp.ib")
    pp_ce = _Counter(data_key="pp.ce")
    pp_cb = _Counter(data_key="pp.cb")
    pp_oe = _Counter(data_key="pp.oe")
    pp_ob = _Counter(data_key="pp.ob")
    # volume: bytes and events in and out
    mc = _Counter()
    ib = _Counter()
    ob = _Counter()
    ie = _Counter()
    oe = _Counter()
    im = _Counter()
    # counts
    pc = _Counter()
    dc = _Counter()
    ic = _Counter()
    qc = _Counter()
    oc = _Counter()
    sc = _Counter()
    prc = _Counter()
    rc = _Counter()
    wpc = _Counter()
    tpp = _Counter()
    # window
    et = _Clock()
    lt = _Clock()
    timestamp = _Clock()
    # flags
    fs_r = fields.Boolean(data_key="fs.r")


# What is known of more than one field is only what their group is about: the vendor does not say.
_MEANINGS = {
    "version and build of the product": ("v", "version"),
    "deployment environment": ("env",),
    "operating system": ("os",),
    "kernel version": ("kv",),
    "licence, as base64 text": ("lic",),
    "licence class": ("licls",),
    "installation": ("guid", "iid"),
    "session": ("session_id",),
    "user": ("user_id",),
    "product": ("p",),
    "deployment mode": ("dm",),
    "instance type": ("it",),
    "feature counter": ("fc.*",),
    "lookups": ("lk.max", "lk.csv"),
    "persistent queue and processing": ("pp", "pp.ie", "pp.ib", "pp.ce", "pp.cb", "pp.oe", "pp.ob"),
    "volume: bytes and events, in and out": ("mc", "ib", "ob", "ie", "oe", "im"),
    "count": ("pc", "dc", "ic", "qc", "oc", "sc", "prc", "rc", "wpc", "tpp"),
    "time window of the figures": ("et", "lt"),
    "the client's clock": ("timestamp",),
    "flag": ("fs.r",),
}

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
    meanings={name: meaning for meaning, names in _MEANINGS.items() for name in names},
    title="Cribl Stream",
)
