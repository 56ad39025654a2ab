"""These are the tables of what should not be there: sensitive and planted values, and what another version changed.

They refuse to leave anything out without a sentence that says so.
"""

from collections.abc import Iterable, Sequence

from telemock.exports.tables import Cell, Table, Told, endpoint_name, left_out, words
from telemock.exports.wording import captured, number, told_apart

_MOST_FINDINGS = 200
_MOST_CHANGES = 200


def sensitive_table(findings: Sequence[Told]) -> Table:
    """Tell what is sensitive, the surest first."""
    return Table(
        "Sensitive values, the surest first; examples are masked",
        (
            ("class", "text"),
            ("confidence", "badge"),
            ("where", "code"),
            ("values", "number"),
            ("example", "code"),
            ("endpoint", "code"),
        ),
        [
            (words(found["class"]), found["confidence"], *_where(found), endpoint_name(found))
            for found in findings[:_MOST_FINDINGS]
        ],
        left_out(len(findings) - _MOST_FINDINGS, "finding"),
    )


def planted_table(planted: Iterable[Told], *, in_part: bool) -> Table:
    """Tell of each planted value in which form and where it was found, or not in what was looked at."""
    not_found = "not found in what was looked at" if in_part else "not found"
    rows: list[tuple[Cell, ...]] = []
    for each in planted:
        name = captured(each["name"])
        rows += [
            (name, "found", words(found["form"]), *_where(found), endpoint_name(found)) for found in each["found"]
        ] or [(name, not_found + " as a whole value" * each["whole_only"], "", "", "", "", "")]
    return Table(
        "Values that were looked for, in any coding and hashed",
        (
            ("planted", "code"),
            ("result", "badge"),
            ("form", "text"),
            ("where", "code"),
            ("values", "number"),
            ("example", "code"),
            ("endpoint", "code"),
        ),
        rows[:_MOST_FINDINGS],
        left_out(len(rows) - _MOST_FINDINGS, "trace"),
    )


def changes_table(pair: Told) -> Table:
    """Tell what one version does that its neighbour does not."""
    changes = pair["changes"]
    return Table(
        f"Changes from {captured(pair['a'])} to {captured(pair['b'])}",
        (
            ("change", "badge"),
            ("what", "text"),
            ("which", "code"),
            ("of", "code"),
            ("aspect", "text"),
            ("before", "code"),
            ("after", "code"),
        ),
        [
            (
                each["change"],
                each["what"],
                _changed(each),
                endpoint_name(each) if each["what"] == "field" else "",
                each["aspect"],
                captured(each["before"]),
                captured(each["after"]),
            )
            for each in changes[:_MOST_CHANGES]
        ],
        left_out(len(changes) - _MOST_CHANGES, "change", "telemock diff has all."),
    )


def _where(found: Told) -> tuple[Cell, ...]:
    """Write place, count and example of a finding."""
    steps = (f"{found['source']} {told_apart(found['name'])}".rstrip(), *found["chain"])
    return " → ".join(steps), number(found["values"]), captured(found["example"])


def _changed(change: Told) -> str:
    if change["what"] == "host":
        return told_apart(change["host"])
    if change["what"] == "endpoint":
        return endpoint_name(change)
    return f"{change['source']} {told_apart(change['name'])}"
