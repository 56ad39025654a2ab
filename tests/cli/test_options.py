import dataclasses
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from telemock.cli import main
from telemock.cli.options import Number, WholeNumber
from telemock.settings import ServeSettings
from tests.cli.process import TELEMOCK
from tests.conftest import Cli
from tests.corpus import STARTED, database, ping

NUMBERS = (click.types.IntParamType, click.types.FloatParamType)


def commands_of(group: click.Group) -> Iterator[click.Command]:
    """Give the commands of a group, and of the groups in it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield from commands_of(command) if isinstance(command, click.Group) else (command,)


EVERY_COMMAND = {
    f"{command.callback.__module__.rpartition('.')[2]} {command.name}": command for command in commands_of(main)
}


def options_of(name: str) -> list[click.Option]:
    return [param for param in EVERY_COMMAND[name].params if isinstance(param, click.Option)]


# What is the same from call to call; all else is chosen anew where a command is typed.
SETTINGS = {
    *(field.name for field in dataclasses.fields(ServeSettings)),
    *("config", "db", "linger", "no_proxy", "timeout", "url"),
}


@pytest.mark.parametrize("name", EVERY_COMMAND)
def test_every_option_has_help_and_settings_alone_have_a_variable_that_their_help_shows(name: str) -> None:
    for option in options_of(name):
        long_name = next(spelling for spelling in option.opts if spelling.startswith("--"))
        is_setting = long_name[2:].replace("-", "_") in SETTINGS
        assert option.envvar == ("TELEMOCK_" + long_name[2:].replace("-", "_").upper() if is_setting else None)
        assert option.show_envvar == is_setting
        assert option.help
        assert option.help.endswith(".")


def test_filters_formats_and_targets_do_not_come_from_the_environment(cli: Cli, pings: Path) -> None:
    """A Dockerfile or a Helm chart sets such names for its own ends."""
    lists = {"VERSION": "0.1.0", "ENV": "test", "HOST": "x.example", "TO_HOST": "x.example", "LIMIT": "0", "COUNT": "1"}
    foreign = {
        **lists,
        "FORMAT": "xlsx",
        "OUTPUT": "x.jsonl",
        "SQL": "SELECT 1",
        "KIND": "x",
        "SINCE": "x",
        "VALUES": "1",
    }
    environment = {f"TELEMOCK_{name}": value for name, value in foreign.items()}
    for command in (("query",), ("analyze",), ("export",), ("show", 1), ("query", "--count")):
        assert cli(*command, "--db", pings, **environment).stdout == cli(*command, "--db", pings).stdout != ""
    assert not (pings.parent / "x.jsonl").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("query", "--status", "abc"), "'abc' is not a whole number."),
        (("query", "--limit", "1.5"), "'1.5' is not a whole number."),
        (("show", "abc"), "'abc' is not a whole number."),
        (("serve", "--port", "http"), "'http' is not a whole number."),
        (("health", "--timeout", "abc"), "'abc' is not a number."),
        (("query", "--time-limit", "nan"), "'nan' is not a number."),
    ],
)
def test_what_is_no_number_is_called_so(cli: Cli, arguments: tuple[str, ...], complaint: str) -> None:
    done = cli(*arguments)
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1].endswith(complaint)


def test_no_option_has_a_number_that_is_refused_in_the_words_of_click() -> None:
    numbers = [param.type for command in EVERY_COMMAND.values() for param in command.params]
    assert not [kind for kind in numbers if isinstance(kind, NUMBERS) and type(kind) not in (WholeNumber, Number)]


@pytest.mark.parametrize("name", EVERY_COMMAND)
def test_every_command_takes_a_configuration(name: str) -> None:
    assert "config" in [option.name for option in options_of(name)]


def test_flag_before_environment_before_configuration_before_default(cli: Cli, tmp_path: Path) -> None:
    database(tmp_path, *(ping(number) for number in range(60)))
    config = tmp_path / "telemock.yaml"
    config.write_text("limit: 3\n")

    def lines(*arguments: object, **environment: str) -> int:
        return len(cli("query", *arguments, **environment).stdout.splitlines())

    assert lines() == 50
    assert lines("--config", config) == 3
    assert lines(TELEMOCK_CONFIG=str(config)) == 3
    assert lines("--config", config, "--limit", "1") == 1
    config.write_text("db: a.db\n")
    assert "a.db" in cli("query", "--config", config).stderr
    assert "b.db" in cli("query", "--config", config, TELEMOCK_DB="b.db").stderr
    assert "c.db" in cli("query", "--config", config, "--db", "c.db", TELEMOCK_DB="b.db").stderr


def test_a_configuration_holds_all_kinds_of_values(cli: Cli, tmp_path: Path, pings: Path) -> None:
    config = tmp_path / "telemock.yaml"
    config.write_text(
        f"""
        db: {pings}
        format: jsonl
        oldest: true
        limit: 1
        env: prod
        guid:
        since: 2026-02-05T10:55:59Z
        until: "2026-02-06"
        param: [os=ubuntu-24.04, p=s]
        """
    )
    done = cli("query", "--config", config)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith('{"id":2,')


@pytest.mark.parametrize("key", ["response-body", "response_body"])
def test_a_key_is_written_with_dashes_or_underscores(cli: Cli, tmp_path: Path, pings: Path, key: str) -> None:
    config = tmp_path / "telemock.yaml"
    config.write_text(f"{key}: true\ndb: {pings}\n")
    assert cli("show", 1, "--config", config).stdout == "cribl /// living the stream!\n"


def test_what_may_be_repeated_may_stand_alone(cli: Cli, tmp_path: Path, pings: Path) -> None:
    config = tmp_path / "telemock.yaml"
    config.write_text(f"db: {pings}\nparam: os=ubuntu-24.04\n")
    assert cli("query", "--count", "--config", config).stdout == "5\n"


def test_one_configuration_serves_all_commands(cli: Cli, tmp_path: Path, pings: Path) -> None:
    config = tmp_path / "telemock.yaml"
    config.write_text(f"db: {pings}\nport: 8080\nmax-body: 10MiB\nurl: http://127.0.0.1:8080\nca-dir: {tmp_path}\n")
    assert cli("query", "--count", "--config", config).stdout == "5\n"


def test_the_address_to_listen_on_is_no_filter(cli: Cli, tmp_path: Path, pings: Path) -> None:
    """`serve` and `query` both know `--host`; where they share a name, they would share its value."""
    config = tmp_path / "telemock.yaml"
    config.write_text("host: 0.0.0.0\n")
    assert cli("query", "--db", pings, "--count", "--config", config, TELEMOCK_HOST="0.0.0.0").stdout == "5\n"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"limt: 3", "has the unknown key 'limt'; this command knows connections, count, db, env,"),
        (b"limit: many", "gives limit a wrong value: 'many' is not a whole number."),
        (b"limit: 3.5", "gives limit the value 3.5; it must be a whole number."),
        (b"limit: true", "gives limit the value True; it must be a number."),
        (b"limit: [1]", "gives limit the value [1]; it must be a number."),
        (b"count: 1", "gives count the value 1; it must be true or false."),
        (b"version: 4.10", "gives version the value 4.1; it must be text in quotes."),
        (b"format: xml", "gives format a wrong value: 'xml' is not one of"),
        (b"since: soon", "gives since a wrong value: 'soon' is not a time"),
        (b"since: 15", "gives since the value 15; it must be a time in quotes."),
        (b"param: {a: b}", "gives param the value {'a': 'b'}; it must be text in quotes."),
        (b"- limit", "must be a mapping of option names to values"),
        (b"limit", "must be a mapping of option names to values"),
        (b"1: 2", "must be a mapping of option names to values"),
        (b"limit: [", "is not YAML: "),
        (b"limit: \xff", "is not YAML: "),
        (b"config: other.yaml", "has the unknown key 'config'"),
    ],
)
def test_a_wrong_configuration_is_one_sentence_and_exit_2(
    cli: Cli, tmp_path: Path, content: bytes, complaint: str
) -> None:
    config = tmp_path / "telemock.yaml"
    config.write_bytes(content)
    done = cli("query", "--config", config)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"Error: The configuration {config} {complaint}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("name", "reason"), [("none.yaml", "No such file or directory"), (".", "Is a directory")])
def test_an_unreadable_configuration_is_one_sentence_and_exit_2(cli: Cli, name: str, reason: str) -> None:
    done = cli("query", "--config", name)
    assert (done.exit_code, done.stderr) == (2, f"Error: The configuration {name} cannot be read: {reason}.\n")


@pytest.mark.parametrize(
    ("since", "count"),
    [
        ("2026-02-05", 5),
        ("2026-02-05T10:56:00.090735Z", 3),
        ("2026-02-05T10:56:00.090736Z", 2),
        ("2026-02-05 10:56:01", 2),
        ("2026-02-05T12:56:01+02:00", 2),
        ("20260205T105601Z", 2),
        ("2026-02-06", 0),
        ("15m", 0),
    ],
)
def test_a_time_is_utc_unless_it_says_otherwise(cli: Cli, pings: Path, since: str, count: int) -> None:
    assert cli("query", "--db", pings, "--count", "--since", since).stdout == f"{count}\n"
    assert cli("query", "--db", pings, "--count", "--until", since).stdout == f"{5 - count}\n"


@pytest.mark.parametrize("ago", ["90000000s", "9000000m", "900000h", "90000d", "9000w"])
def test_a_time_may_be_how_long_ago(cli: Cli, tmp_path: Path, ago: str) -> None:
    db = database(tmp_path, ping(received_at=f"{STARTED.year + 50}-01-01T00:00:00.000000Z"))
    done = cli("query", "--db", db, "--count", "--since", ago)
    assert done.stdout == "1\n" if not ago.endswith("w") else done.stdout in ("1\n", "0\n")


@pytest.mark.parametrize("time", ["", "yesterday", "15 m", "15M", "-15m", "2026-02-30", "999999999w", "٣d"])
def test_what_is_no_time_is_a_usage_error_that_shows_how(cli: Cli, time: str) -> None:
    done = cli("query", "--since", time)
    assert done.exit_code == 2
    assert "is not a time; write 2026-02-05T10:55:58Z, 2026-02-05, 15m, 2h or 3d." in " ".join(done.stderr.split())


def test_bytes_that_are_not_utf_8_are_a_usage_error(pings: Path) -> None:
    done = subprocess.run(
        [*map(os.fsencode, TELEMOCK), b"query", b"--db", bytes(pings), b"--guid", b"\xff"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert b"is not UTF-8." in done.stderr
