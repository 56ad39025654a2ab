"""An order says on one line all that a serving process is told."""

from dataclasses import fields
from pathlib import Path

import pytest

from telemock.order import Order
from telemock.settings import ServeSettings


@pytest.mark.parametrize("lock", [None, Path("/tmp/a\nb")])
def test_what_is_written_is_read(lock: Path | None) -> None:
    settings = ServeSettings(host="::1", port=(80, 443), intercept=("*.test",), ca_dir=Path("ü"), upstream_ca=Path("a"))
    line = Order(settings, 7, lock, (8, 9)).line()
    assert (line.count(b"\n"), line[-1:]) == (1, b"\n")
    assert Order.read(line) == Order(settings, 7, lock, (8, 9))
    assert all(
        type(getattr(Order.read(line).settings, each.name)) is type(getattr(settings, each.name))
        for each in fields(settings)
    )
