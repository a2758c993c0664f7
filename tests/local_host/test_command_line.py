"""What can be typed, and what is said of what cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local_host.command_line import parser

if TYPE_CHECKING:
    import argparse


def none(_: argparse.Namespace) -> int:
    return 0


def told(*arguments: str, code: int) -> None:
    with pytest.raises(SystemExit) as ended:
        parser(demo=none, serve=none, cancel=none).parse_args(arguments)
    assert ended.value.code == code


@pytest.mark.parametrize("command", [[], ["demo"], ["serve"], ["cancel"]])
def test_help_fits_a_terminal_of_80_columns(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    told(*command, "--help", code=0)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) < 80
    assert "examples:" in lines


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["serve", "--port", "abc"], "a port is a number from 0 to 65535"),
        (["serve", "--state", ""], "the name of a file is missing"),
        (["serve", "--keys="], "the name of a file is missing"),
        (["cancel", "5", "--timeout", "1h"], "a whole number of seconds"),
        (["cancel", "5", "--timeout", "²"], "a whole number of seconds"),
        (["cancel", "--job", "5", "--max-runs", "few"], "a whole number"),
    ],
)
def test_an_argument_that_cannot_be_is_told_with_what_it_can_be(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told(*arguments, code=2)
    assert said in capsys.readouterr().err
