"""``python -m local_host demo | serve | cancel``: the app of function_app.py on this machine."""

from __future__ import annotations

from local_host import ending

if __name__ == "__main__":
    ending.listen()  # before what follows, which takes half a second

import argparse
import functools
import importlib
import logging
import os
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError

from local_host import terminal
from local_host.background import LAST_PORT, BackgroundServers, PortTakenError
from local_host.display import Display
from local_host.emulators.jobs import STARTED
from local_host.emulators.run_life import Life
from local_host.engine.journal import JournalError
from local_host.engine.journaled_engine import JournaledEngine
from local_host.environment import Emulated, complete, forget_settings, places, storage
from local_host.host import LocalHost
from local_host.keys import Keys
from local_host.profile import REPLACED, use_profile
from local_host.queue_client import connection_problem, why_no_queue
from local_host.queue_output import no_queue, write_to_queue
from local_host.queue_trigger import attach_queues
from local_host.setting_sources import load
from local_host.start_error import StartError, fault

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_PORT = 7071
NAMED = 5  # cancellations that begin again


def main(arguments: list[str]) -> int:
    """The exit code of the command."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    # the SDK advises types on calls that its own next version does not take them on
    logging.captureWarnings(capture=True)
    logging.getLogger("py.warnings").setLevel(logging.ERROR)
    command: Callable[[argparse.Namespace], int] = options.command
    if command is not serve:  # whoever waits for the result is shown it: the app's warning of its outcome is for a log
        logging.getLogger("cancel_run").setLevel(logging.ERROR)
    try:
        return command(options)
    except (StartError, PortTakenError, JournalError) as error:
        print(error, file=sys.stderr)
    except Exception as error:
        print(fault(error), file=sys.stderr)
        logging.getLogger("local_host").debug("The fault", exc_info=True)
    return terminal.BAD_REQUEST


def demo(_: argparse.Namespace) -> int:
    """A run begins on an emulated workspace and is canceled; 0 only when the outcome is ``canceled``."""
    forget_settings()
    display = _display()
    servers = BackgroundServers()
    emulated = complete(servers)
    emulated.judge(_app_module().problems_of)
    assert emulated.workspace is not None  # noqa: S101  # no setting names one
    run_id = emulated.workspace.add_run(STARTED)
    display.line(f"emulated: workspace {os.environ['DATABRICKS_HOST']}, vault {os.environ['KEY_VAULT_URI']}")
    host = LocalHost(_app_module().app, servers)
    display.line(f"run {run_id} has begun: {emulated.workspace.state_of(run_id)}")
    while emulated.workspace.state_of(run_id) == "PENDING":
        time.sleep(terminal.LOOK_SECONDS)
    display.line(f"run {run_id} is {emulated.workspace.state_of(run_id)}", "cyan")
    display.line(f"POST {host.url}/api/cancel-active-run")
    order = {"runId": run_id, "reason": "demo", "requestedBy": "python -m local_host demo"}
    result = terminal.cancel(host.url, order, display)[1]
    display.json(result)
    return 0 if result.get("outcome") == "canceled" else 1


def serve(options: argparse.Namespace) -> int:
    """The app answers until Ctrl-C (or SIGTERM)."""
    sources = load(os.environ)
    with closing(BackgroundServers()) as servers:
        emulated = complete(servers)
        connection = storage()
        problem = connection_problem(connection) if connection else None
        emulated.and_also(problem).judge(_app_module().problems_of, sources)
        write = functools.partial(write_to_queue, connection) if connection else no_queue
        keys = Keys.read(options.keys) if options.keys else None
        host = LocalHost(
            _app_module().app,
            servers,
            port=options.port,
            outputs={"queue": write},
            state=options.state,
            places=places(emulated),
            keys=keys,
        )
        with closing(host):
            if connection:
                try:
                    attach_queues(host, connection)
                except AzureError as error:
                    raise StartError(why_no_queue(error)) from error
            else:
                print("no queue: set AzureWebJobsStorage (UseDevelopmentStorage=true for Azurite) to serve it")
            _tell(sources.lines())
            if isinstance(host.engine, JournaledEngine):
                _tell(_begun_again(host.engine.begun_again, emulated))
            run_id: int | str = "RUN_ID"
            if emulated.workspace is not None:
                # in a real workspace nobody knows which run to cancel; in the emulated one there are some to try
                runs = [emulated.workspace.add_run(Life() if number else STARTED) for number in range(10)]
                run_id = runs[0]
                print(f"emulated workspace {os.environ['DATABRICKS_HOST']}: runs {runs[0]} to {runs[-1]} are active")
                token = emulated.token or "(what LOCAL_DATABRICKS_TOKEN holds)"
                print(f"its token, for the Databricks CLI or SDK: DATABRICKS_TOKEN={token}")
            print(f"listening on {host.url}")
            print(f"in a browser: {host.url}/api/cancel-active-run")
            shown = f" -H \"x-functions-key: $(grep -m 1 '^[^#]' {options.keys})\"" if keys else ""
            print(
                f"curl -i -X POST {host.url}/api/cancel-active-run -H 'Content-Type: application/json'{shown} "
                f"-d '{{\"runId\": {run_id}}}'",
                flush=True,
            )
            kept = f"begins again with --state {options.state}" if options.state else "is forgotten"
            ending.say(f"Stopped. What had not ended {kept}; a cancel that was sent stays sent.")
            ending.gently().wait()
    return 0


def cancel(options: argparse.Namespace) -> int:
    """One run of the settings' workspace is canceled; 0 when it is stopped, 1 when not, 2 for a bad request."""
    order: dict[str, Any] = {
        "runPageUrl" if "://" in options.run_id else "runId": options.run_id,
        "workspace": options.workspace,
        "reason": options.reason,
        "requestedBy": "python -m local_host cancel",
        "waitTimeoutSeconds": options.timeout,
        "dryRun": options.dry_run,
    }
    sources = load(os.environ)
    if options.profile is not None:
        use_profile(options.profile)
        sources = sources.without(REPLACED)
    display = _display()
    servers = BackgroundServers()
    complete(servers, workspace_needed=True).judge(_app_module().problems_of, sources)
    host = LocalHost(_app_module().app, servers)
    _tell(sources.lines())
    exit_code, result = terminal.cancel(host.url, order, display)
    display.json(result)
    return exit_code


def _display() -> Display:
    """What a person sees; a signal gives the terminal back and says what it means for what was going on."""
    display = Display()
    ending.before_the_end(display.close)
    ending.say("Stopped. What this process was waiting for is forgotten; a cancel that was sent stays sent.")
    return display


def _tell(lines: list[str]) -> None:
    for line in lines:
        print(line, file=sys.stderr)


def _begun_again(instance_ids: list[str], emulated: Emulated) -> list[str]:
    """What a journal's unfinished cancellations are told with."""
    if not instance_ids:
        return ["journal: nothing begins again"]
    new = (
        "a new emulated workspace, whose runs are not those of before" if emulated.workspace else "the same workspaces"
    )
    more = f" and {len(instance_ids) - NAMED} more" if len(instance_ids) > NAMED else ""
    return [f"journal: what had not ended begins again, against {new}: {', '.join(instance_ids[:NAMED])}{more}"]


def _app_module() -> Any:
    # imported this late because it reads the environment, which must be complete by then
    return importlib.import_module("function_app")


class _Version(argparse.Action):
    """``--version``: the app's own version, which only the app knows."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print("databricks-cancel-run", _app_module().__version__)
        parser.exit()


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= LAST_PORT):
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to {LAST_PORT}, and 0 is a free one")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local_host", description=__doc__)
    parser.add_argument("--version", action=_Version, nargs=0, help="the version of the app")
    commands = parser.add_subparsers(required=True)

    commands.add_parser("demo", help=demo.__doc__).set_defaults(command=demo)

    serving = commands.add_parser("serve", help=serve.__doc__)
    serving.add_argument("--port", type=_port, default=DEFAULT_PORT, help=f"default {DEFAULT_PORT}; 0 for a free one")
    serving.add_argument(
        "--state", type=Path, metavar="FILE", help="a journal: what has not ended begins again when serve comes up"
    )
    serving.add_argument(
        "--keys", type=Path, metavar="FILE", help="one key a line: callers must show one, as they must in Azure"
    )
    serving.set_defaults(command=serve)

    canceling_ = commands.add_parser("cancel", help=cancel.__doc__)
    canceling_.add_argument("run_id", help="the run's id, or the URL of its page in quotes")
    which = canceling_.add_mutually_exclusive_group()
    which.add_argument("--workspace", help="the name of a workspace in the settings")
    which.add_argument("--profile", metavar="NAME", help="of ~/.databrickscfg, in place of what the shell has set")
    canceling_.add_argument("--reason")
    canceling_.add_argument("--timeout", type=int, metavar="SECONDS", help="how long to wait for the run to stop")
    canceling_.add_argument(
        "--dry-run", action="store_true", help="say what it would do; 0 when nothing stands in the way"
    )
    canceling_.set_defaults(command=cancel)
    return parser


if __name__ == "__main__":
    ending.leave(main(sys.argv[1:]))
