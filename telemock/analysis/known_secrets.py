"""Secrets that are known by one place of a request, found in its other places: a key in a header, and in the path."""

import base64
import binascii
from collections.abc import Iterator

from telemock.analysis.endpoint import Endpoint
from telemock.analysis.field import Field
from telemock.analysis.findings import Finding, Findings, Place
from telemock.analysis.secret_names import parameter_hint
from telemock.analysis.sensitive import find_secrets
from telemock.decoding import ARROW
from telemock.opening import open_value

# Shorter ones, or those without a digit, may be words that stand elsewhere for something else.
_LEAST = 10

# An endpoint has one key or two; whoever changes it each time has no key.
_MOST = 20


def find_codes(endpoint: Endpoint, findings: Findings) -> None:
    """Find what is a secret beside other fields only, such as a code of OAuth, once all fields are known."""
    for source, fields in endpoint.fields.items():
        for name, field in fields.items():
            hint = parameter_hint(name, fields)
            for value, count in field.values.items() if hint != parameter_hint(name) else ():
                for secret in find_secrets(value, hint):
                    finding = Finding(endpoint.place_in(source, name), (), "secret", "high", example=secret)
                    field.found[value] = field.found.get(value, []) + findings.add(finding, count)


def spread_secrets(endpoint: Endpoint, findings: Findings) -> None:
    """Find the secrets of an endpoint's fields in its path and in its other fields, once all values are counted."""
    secrets = list(dict.fromkeys(each for field in endpoint.all_fields() for each in _secrets(field, findings)))[:_MOST]
    known = {finding.key for finding in findings.all} if secrets else set()

    def found_in(text: str, place: Place, chain: tuple[str, ...], count: int) -> list[int]:
        secret = next((secret for secret in secrets if secret in text), "")
        finding = Finding(place, chain, "secret", "high", example=secret)
        return findings.add(finding, count) if secret and finding.key not in known else []

    for each in endpoint.all_fields() if secrets else ():
        name, *chain = each.name.split(ARROW) if each.is_opened else [each.name]
        place = endpoint.place_in(each.source, name)
        for value, count in each.values.items():
            if added := found_in(value, place, tuple(chain), count):
                each.found[value] = each.found.get(value, []) + added
    endpoint.found += found_in(endpoint.path, endpoint.place_in("path"), (), endpoint.count)


def _secrets(field: Field, findings: Findings) -> Iterator[str]:
    for value, places in field.found.items():
        if not any(findings.all[at].sensitivity == "secret" and findings.all[at].confidence == "high" for at in places):
            continue
        texts = [(value, field.name), *((text, way) for way, text, _ in open_value(value).leaves)]
        for text, name in texts:
            for secret in find_secrets(text, name):
                yield from filter(_is_long, _parts(text[: text.find(secret)] + secret))


def _parts(text: str) -> Iterator[str]:
    """Yield the secret that ends a text, without its scheme; of Basic authentication (RFC 7617) also what it opens."""
    before, _, credentials = text.rpartition(" ")
    yield credentials
    if before.lower().endswith("basic"):
        try:
            user, _, password = base64.b64decode(credentials).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return
        yield password or user


def _is_long(secret: str) -> bool:
    return len(secret) >= _LEAST and any(map(str.isdigit, secret))
