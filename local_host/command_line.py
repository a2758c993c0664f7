"""What can be typed after ``python -m local_host``, and what ``--help`` says of it.

It is longer than most: the texts are the manual of four commands.
"""

from __future__ import annotations

import argparse
import importlib
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from local_host.background import LAST_PORT

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[[argparse.Namespace], int]

PROGRAM = "python -m local_host"
DEFAULT_PORT = 7071
LOG_FORMATS = ("text", "json")

_DESCRIPTION = """\
The app of function_app.py on this machine: the functions that Azure runs, on
an engine in this process. What the settings do not name is emulated, and
everything listens on this machine alone.
"""
_EXIT_CODES = """\
exit codes:
  0    {good}
  1    {bad}
  2    a bad argument, request or setting; stderr says which
  130  Ctrl-C
"""
_SETTINGS = """\
environment:
  DATABRICKS_HOST          the workspace, such as
                           https://adb-1234567890123456.7.azuredatabricks.net;
                           {without}
  DATABRICKS_TOKEN         a token for it (LOCAL_DATABRICKS_TOKEN goes first)
  DATABRICKS_AUTH          managedIdentity: no token, but whoever is signed in
                           with `az login`
  DATABRICKS_WORKSPACES    several workspaces, by name, in place of these
  KEY_VAULT_URI            a real vault that holds the token
{more}  NO_COLOR                 no colours and no line that moves
Every setting: docs/settings.md. The pages: docs/local.md, docs/http.md.

"""
_PROFILES = """\
  DATABRICKS_CONFIG_FILE   the file of profiles, if it is not ~/.databrickscfg
"""
_QUEUE = """\
  AzureWebJobsStorage      the storage with the queue of alerts, such as
                           UseDevelopmentStorage=true for `make azurite`
"""


def parser(*, demo: Command, serve: Command, cancel: Command) -> argparse.ArgumentParser:
    """The parser; ``command`` of what it makes is the one of these that was asked for."""
    top = _Parser(
        prog=PROGRAM,
        description=_DESCRIPTION,
        epilog=_examples("demo", 'cancel 455644833 --reason "over budget"', "serve --port 0")
        + f"`{PROGRAM} COMMAND --help` tells of each: its options, the\nenvironment, its exit codes.\n",
    )
    top.add_argument("--version", action=_Version, nargs=0, help="print the version of the app and exit")
    commands = top.add_subparsers(required=True, metavar="COMMAND", title="commands", parser_class=_Parser)
    _demo(commands).set_defaults(command=demo)
    _serve(commands).set_defaults(command=serve)
    _cancel(commands).set_defaults(command=cancel)
    return top


def _demo(commands: argparse._SubParsersAction[_Parser]) -> _Parser:
    told = commands.add_parser(
        "demo",
        help="cancel a run of an emulated workspace and show it",
        description="A run begins in an emulated workspace and is canceled by the app, which waits\n"
        "until it has stopped. It needs no account and takes no setting from the shell.\n"
        "Progress goes to stderr, the result, as JSON, to stdout.\n",
        epilog=_examples("demo", "demo --quiet | jq .timeline")
        + "environment:\n  NO_COLOR                 no colours and no line that moves\n\n"
        + _EXIT_CODES.format(good="the outcome is canceled", bad="it is not"),
    )
    _quiet(told)
    return told


def _serve(commands: argparse._SubParsersAction[_Parser]) -> _Parser:
    told = commands.add_parser(
        "serve",
        help="answer requests until Ctrl-C",
        description="The app answers at http://127.0.0.1:PORT until Ctrl-C. It says first which\n"
        "workspace it talks to, and then writes a line for each request, start, outcome\n"
        "and message.\n",
        epilog=_examples(
            "serve",
            "serve --port 0 --state cancellations.db",
            "serve --log-format json | jq --unbuffered .event",
            "serve --keys keys.txt",
        )
        + _SETTINGS.format(without="without one, a workspace is emulated", more=_QUEUE)
        + _EXIT_CODES.format(good="Ctrl-C, or SIGTERM", bad="a defect; please tell us").replace("  130  Ctrl-C\n", ""),
    )
    told.add_argument(
        "--port", type=_port, metavar="PORT", default=DEFAULT_PORT, help=f"{DEFAULT_PORT} if left out; 0 for a free one"
    )
    told.add_argument(
        "--state",
        type=_path,
        metavar="FILE",
        help="keep a journal: what has not ended begins again when serve comes up with the same file",
    )
    told.add_argument(
        "--keys",
        type=_path,
        metavar="FILE",
        help="callers must show one of the keys in the file, one a line, as they must in Azure",
    )
    told.add_argument(
        "--log-format", choices=LOG_FORMATS, default="text", help="text (if left out), or json: an object on each line"
    )
    told.add_argument(
        "--verbose", action="store_true", help="a line for each call of an activity too, and the trace of each failure"
    )
    return told


def _cancel(commands: argparse._SubParsersAction[_Parser]) -> _Parser:
    told = commands.add_parser(
        "cancel",
        help="cancel a run, or all of a job, and wait until it has stopped",
        description="One run of a workspace that the settings name is canceled, or with --job every\n"
        "active run of a job. It says first which workspace it talks to, and waits until\n"
        "all has stopped. Progress goes to stderr; the result, or the refusal, goes to\n"
        "stdout as JSON, and nothing else does.\n",
        epilog=_examples(
            'cancel 455644833 --reason "over budget"',
            "cancel 455644833 --workspace prod --timeout 600",
            "cancel 455644833 --profile DEFAULT --dry-run",
            "cancel --job 11223344 --only queued",
            "cancel 455644833 --quiet | jq -r .outcome",
        )
        + _SETTINGS.format(without="it or DATABRICKS_WORKSPACES is needed", more=_PROFILES)
        + _EXIT_CODES.format(
            good="the run is stopped (with --dry-run: would be canceled)",
            bad="it is not; the last line of the progress says why",
        ).replace("Ctrl-C", "Ctrl-C; a cancel that was sent stays sent"),
    )
    what = told.add_mutually_exclusive_group(required=True)
    what.add_argument("run_id", nargs="?", metavar="RUN_ID", help="the id of the run, or the URL of its page in quotes")
    what.add_argument("--job", metavar="JOB_ID", help="in place of a run: every active run of this job")
    told.add_argument("--only", choices=["queued"], help="with --job: those that wait in the job's queue")
    told.add_argument(
        "--max-runs", type=_whole_number, metavar="N", help="with --job: at most so many runs; 100 if left out"
    )
    which = told.add_mutually_exclusive_group()
    which.add_argument("--workspace", metavar="NAME", help="the name of a workspace in DATABRICKS_WORKSPACES")
    which.add_argument(
        "--profile", metavar="NAME", help="a profile of ~/.databrickscfg, in place of what the shell has set"
    )
    told.add_argument("--reason", metavar="TEXT", help="why, in one line; it comes back in the result")
    told.add_argument(
        "--timeout",
        type=_seconds,
        metavar="SECONDS",
        help="how long to wait for the run to stop: 1 to 604800; WAIT_TIMEOUT_SECONDS, or 3600, if left out",
    )
    told.add_argument("--dry-run", action="store_true", help="cancel nothing, but tell what would be done")
    _quiet(told)
    return told


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= LAST_PORT):
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to {LAST_PORT}, and 0 is a free one")
    return int(text)


def _path(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("the name of a file is missing")
    return Path(text)


def _whole_number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError("it must be a whole number")
    return int(text)


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError("it must be a whole number of seconds: 3600 is an hour")
    return int(text)


def _quiet(told: _Parser) -> None:
    told.add_argument("--quiet", action="store_true", help="no progress: the result alone")


def _examples(*lines: str) -> str:
    return "examples:\n" + "".join(f"  {PROGRAM} {line}\n" for line in lines) + "\n"


class _Parser(argparse.ArgumentParser):
    """Its texts stand as they are written, and a word that is cut short is not guessed."""

    def __init__(self, **options: object) -> None:
        super().__init__(formatter_class=_Formatter, allow_abbrev=False, **options)  # type: ignore[arg-type]  # argparse's


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """The help of an option is wrapped, at the terminal's width; descriptions and examples are not."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:  # noqa: ARG002  # argparse's signature
        return textwrap.indent(text, indent)


class _Version(argparse.Action):
    """``--version``: the app's own version, which only the app knows."""

    def __call__(self, asked: argparse.ArgumentParser, *_: object) -> None:
        print("databricks-cancel-run", importlib.import_module("function_app").__version__)
        asked.exit()
