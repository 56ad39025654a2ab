"""This is the report: one page of HTML that a manager can read, an engineer can check and nobody has to trust.

It refuses to bring anything along that a browser would obey: text is escaped, only this module's own scripts may run,
by their hashes, and the page may ask nobody for anything.
"""

import base64
import json
from collections.abc import Iterator
from hashlib import sha256
from importlib.resources import files
from typing import TextIO

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from telemock.exports.figures import cadence_figure, endpoints_figure, sensitive_figure, timeline_figure
from telemock.exports.sections import sections
from telemock.exports.summary import figures, parted, sentences
from telemock.exports.tables import Told
from telemock.exports.wording import captured, moment

# What these words say is good, bad, or something to look at.
_MOODS = {
    "high": "bad",
    "medium": "fair",
    "found": "bad",
    "not found": "good",
    "added": "fair",
    "removed": "fair",
    "changed": "fair",
    "unknown": "fair",
}

# What JSON may hold, and would end or begin something else inside HTML or JavaScript.
_ESCAPES = {ord(each): f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029"}


def write_report(told: Told, stream: TextIO) -> None:
    """Write the page, piece by piece.

    Args:
        told: what `telemock analyze --format json` tells, and besides

            - `timeline`: `width_s`, `unreadable`, and `buckets` of `begin`, `begin_s` and `counts` by outcome
            - `connections`: counts by `kinds`, `targets` and `left_out`, the `latest`; as in
              `telemock.analysis.connections`
            - `changes`: for each pair of versions `a`, `b`, `a_exchanges`, `b_exchanges`, `not_compared`, sentences,
              and `changes` of `change`, `what`, `method`, `scheme`, `host`, `path`, `source`, `name`, `aspect`,
              `before`, `after`
            - `products`: names of those that spoke
            - `database`: `files` of `path`, `bytes` and `sha256`; `is_whole`, `is_what_was_read`, as in
              `telemock.store.digest`; `last_exchange`, the id
            - `filters`: pairs of name and value; `not_filtered`: sentences on what they do not hold for
            - `command`, `made_at` and `telemock`, its version
        stream: of UTF-8.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(_own("report.html.jinja"))
    scripts = get_plotlyjs(), _own("report.js")
    page = template.stream(
        moods=_MOODS,
        policy=_policy(scripts),
        # Both are of this package, or of plotly's; nothing in them was captured.
        style=Markup(_own("report.css")),  # noqa: S704
        scripts=[Markup(script) for script in scripts],  # noqa: S704
        charts=Markup(_charts(told)),  # noqa: S704 - escaped there
        version=told["telemock"],
        made_at=moment(told["made_at"]),
        database_name=captured(told["database"]["name"]),
        summary=sentences(told),
        figures=figures(told),
        sections=sections(told),
    )
    page.enable_buffering(100)
    stream.writelines(page)


def _policy(scripts: tuple[str, ...]) -> str:
    """Write a Content Security Policy (https://www.w3.org/TR/CSP3/); plotly puts styles of its own into the page."""
    sums = " ".join(f"'sha256-{base64.b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {sums}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _charts(told: Told) -> str:
    return json.dumps(dict(_figures(told))).translate(_ESCAPES)


def _figures(told: Told) -> Iterator[tuple[str, object]]:
    endpoints, _ = parted(told["endpoints"])
    drawn = {
        "chart-endpoints": endpoints_figure(told["endpoints"]),
        "chart-timeline": timeline_figure(told["timeline"]),
        "chart-sensitive": sensitive_figure(told["sensitive"]),
        "chart-cadence": cadence_figure(each for endpoint in endpoints for each in endpoint["cadences"]),
    }
    for name, figure in drawn.items():
        yield name, json.loads(figure.to_json())


def _own(name: str) -> str:
    return files("telemock.exports").joinpath(name).read_text(encoding="utf-8")
