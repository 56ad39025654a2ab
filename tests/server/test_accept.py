"""What a client's Accept field asks for; RFC 9110 section 12.5.1."""

import pytest

from telemock.server.accept import asked_for


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "json"),
        (" , ", "json"),
        ("*/*", "json"),
        ("application/json", "json"),
        ("APPLICATION/JSON", "json"),
        ("application/*", "json"),
        ("application/vnd.github.v3+json", "json"),
        ("application/json, text/plain, */*", "json"),
        ("text/html", "html"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", "html"),
        ("image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", "image"),
        ("image/*", "image"),
        ("image/png", "image"),
        ("text/plain", "text"),
        ("text/css,*/*;q=0.1", "text"),
        ("application/x-protobuf", "text"),
        ("audio/*", "text"),
        # Weights.
        ("text/html;q=0.2, application/json;q=0.9", "json"),
        ("application/json;q=0.2, text/html;q=0.9", "html"),
        ("application/json;q=0.2, text/html ; Q = 0.9", "html"),
        ("application/json;q=0.100, image/gif;q=0.101", "image"),
        ("application/json;q=0", "text"),
        ("*/*;q=0", "text"),
        ("application/json;q=0, */*", "html"),
        # The closest range of a type decides, wherever it stands and whatever the others weigh.
        ("text/html;q=0.3, */*;q=0.8", "json"),
        ("*/*;q=0.8, application/json;q=0.1, text/html;q=0.5", "image"),
        ("*/*, application/*;q=0.1, image/*;q=0.2, text/*;q=0.5", "html"),
        # Of equal weights, what is named more closely.
        ("text/html, */*", "html"),
        ("*/*, image/*", "image"),
        # Parameters, quotes and what is no range.
        ('text/html;level="1,2;q=0";q=0.9, application/json;q=0.5', "html"),
        ('text/html;a="\\",\\"";q=0.1, application/json;q=0.2', "json"),
        ("nonsense, text/html", "html"),
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", "html"),
        ("text/html;q=high, application/json;q=0.9", "html"),
        ("text/html;q=7, application/json;q=0.9", "html"),
        ("*/json", "json"),
        ('"' * 4001, "json"),
        ("a/b;" * 2000, "text"),
    ],
)
def test_what_weighs_most_is_asked_for(accept: str, kind: str) -> None:
    assert asked_for(accept) == kind
