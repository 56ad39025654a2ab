"""The settings are one table: each with its sentence, and the same after a journey through JSON."""

import dataclasses
import json
from pathlib import Path

import pytest

from telemock.errors import InvalidSetting
from telemock.settings import ServeSettings, parse_size, settings_from_json, settings_to_json


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("10485760", 10_485_760),
        ("10MiB", 10_485_760),
        (" 10 mib ", 10_485_760),
        ("1b", 1),
        ("500kB", 500_000),
        ("1KiB", 1024),
        ("1MB", 1_000_000),
        ("512MiB", 2**29),
        ("536870912", 2**29),
    ],
)
def test_a_size_is_bytes_or_has_a_unit(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "MiB", "-1", "1.5MiB", "10 M", "1e6", "0x10", "1_000", "\u0661", "10MiB!", "9" * 13]
)
def test_what_is_no_size_is_said_with_what_to_write(text: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        parse_size(text)
    assert str(caught.value) == f"{text!r} is not a size; write bytes or a unit, such as 10MiB."


@pytest.mark.parametrize("text", ["536870913", "513MiB", "1GiB", "999999999999GiB"])
def test_a_size_that_no_row_can_hold_is_refused_with_the_limit(text: str) -> None:
    with pytest.raises(InvalidSetting, match=r"more than one row .* at most 512MiB\.$") as caught:
        parse_size(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        ServeSettings(),
        ServeSettings(
            host="::1",
            port=(0, 443),
            intercept=("*.example.com",),
            others="block",
            ca_cert=Path("ca.pem"),
            db="/data/ä.db",
            durability="fsync",
            workers=3,
            answer=204,
            max_body=1,
            log_format="json",
            log_dir=Path("/log"),
            ready_file=Path("ready"),
        ),
    ],
)
def test_settings_are_the_same_after_a_journey_through_json(settings: ServeSettings) -> None:
    assert settings_from_json(json.loads(json.dumps(settings_to_json(settings)))) == settings


def test_settings_cannot_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ServeSettings().port = (1,)  # type: ignore[misc]


@pytest.mark.parametrize("setting", dataclasses.fields(ServeSettings), ids=lambda setting: setting.name)
def test_each_setting_has_one_sentence_of_help(setting: "dataclasses.Field[object]") -> None:
    text = setting.metadata["help"]
    assert text.endswith(".")
    assert text[0].isupper()
    assert "\n" not in text


def test_the_defaults_serve_this_machine_alone_and_keep_what_they_acknowledge() -> None:
    defaults = ServeSettings()
    assert (defaults.host, defaults.port, defaults.db) == ("127.0.0.1", (8080,), "telemetry.db")
    assert (defaults.durability, defaults.workers, defaults.max_body) == ("commit", 1, 10 * 2**20)
    assert (defaults.log_format, defaults.log_dir, defaults.ready_file) == ("text", None, None)
