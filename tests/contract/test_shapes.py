"""No body takes more work than its length warrants, whatever its shape."""

import sys
from types import FrameType
from typing import Any

import pytest
from bench_shapes import look_through
from shapes import shapes

SHAPES = shapes()


def steps(body: bytes) -> int:
    """Count the calls that it takes to look through a body."""
    count = 0

    def called(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal count
        count += event.endswith("call")

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        look_through(body)
    finally:
        sys.setprofile(before)
    return count


@pytest.fixture(scope="module", autouse=True)
def everything_is_loaded() -> None:
    """Some of what looks through bodies is imported when the first one needs it."""
    look_through(SHAPES["AWS key, spaces"](100))


@pytest.mark.parametrize("name", SHAPES)
def test_four_times_as_long_a_body_takes_about_four_times_the_work(name: str) -> None:
    small, large = (steps(SHAPES[name](size)) for size in (6_000, 24_000))
    assert large <= 6 * small


def test_there_are_a_hundred_shapes_that_grow_with_the_size_that_was_asked_for() -> None:
    assert len(SHAPES) >= 100
    assert all(len(make(6_000)) > 1.5 * len(make(1_500)) for make in SHAPES.values())
