"""``python -m local_host demo | serve | cancel``: the app of function_app.py on this machine."""

from __future__ import annotations

import argparse
import functools
import importlib
import logging
import os
import signal
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError

from local_host import terminal
from local_host.background import BackgroundServers, PortTakenError
from local_host.display import Display
from local_host.emulators.run_life import Life, Row, canceling
from local_host.engine.journal import JournalError
from local_host.environment import MissingSettingError, complete, forget_settings
from local_host.host import LocalHost
from local_host.keys import Keys, NoKeysError
from local_host.profile import use_profile
from local_host.queue_output import write_to_queue
from local_host.queue_trigger import attach_queues

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_PORT = 7071
SIGNAL_SECONDS = 0.2  # between two looks for a signal
END_SECONDS = 4.0  # from a signal to the end of the process, whatever an activity is waiting for
DEMO_LIFE = canceling(5.0, rows=(Row("PENDING", seconds=1.0), Row("RUNNING", seconds=3600.0), Row("TERMINATED")))


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
    except (MissingSettingError, NoKeysError, PortTakenError, JournalError) as error:
        print(error, file=sys.stderr)
        return terminal.BAD_REQUEST
    except KeyboardInterrupt:
        print("Stopped. What this process was waiting for is forgotten; a cancel that was sent stays sent.")
        return 130


def demo(_: argparse.Namespace) -> int:
    """A run begins on an emulated workspace and is canceled; 0 only when the outcome is ``canceled``."""
    forget_settings()
    display = Display()
    with closing(BackgroundServers()) as servers:
        emulated = complete(servers)
        assert emulated.workspace is not None  # noqa: S101  # no setting names one
        run_id = emulated.workspace.add_run(DEMO_LIFE)
        display.line(f"emulated: workspace {os.environ['DATABRICKS_HOST']}, vault {os.environ['KEY_VAULT_URI']}")
        with closing(LocalHost(_app(), servers)) as host:
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
    stop = threading.Event()
    for kind in (signal.SIGINT, signal.SIGTERM):
        signal.signal(kind, lambda *_: stop.set())
    with closing(BackgroundServers()) as servers:
        emulated = complete(servers)
        storage = os.environ.get("AzureWebJobsStorage", "")  # noqa: SIM112  # Azure's spelling
        outputs: dict[str, Callable[[dict[str, Any], Any], None]] = {}
        if storage:
            outputs["queue"] = functools.partial(write_to_queue, storage)
        keys = Keys.read(options.keys) if options.keys else None
        with closing(
            LocalHost(_app(), servers, port=options.port, outputs=outputs, state=options.state, keys=keys)
        ) as host:
            if storage:
                try:
                    attach_queues(host, storage)
                except AzureError as error:
                    raise MissingSettingError("The storage that AzureWebJobsStorage names does not answer.") from error
            else:
                print("no queue: set AzureWebJobsStorage (UseDevelopmentStorage=true for Azurite) to serve it")
            run_id: int | str = "RUN_ID"
            if emulated.workspace is not None:
                # in a real workspace nobody knows which run to cancel; in the emulated one there are some to try
                runs = [emulated.workspace.add_run(Life() if number else DEMO_LIFE) for number in range(10)]
                run_id = runs[0]
                print(f"emulated workspace {os.environ['DATABRICKS_HOST']}: runs {runs[0]} to {runs[-1]} are active")
            print(f"listening on {host.url}")
            print(f"in a browser: {host.url}/api/cancel-active-run")
            shown = f" -H \"x-functions-key: $(grep -m 1 '^[^#]' {options.keys})\"" if keys else ""
            print(
                f"curl -i -X POST {host.url}/api/cancel-active-run -H 'Content-Type: application/json'{shown} "
                f"-d '{{\"runId\": {run_id}}}'",
                flush=True,
            )
            while not stop.wait(SIGNAL_SECONDS):  # a signal that another thread was given does not end a wait
                pass
            # what follows waits for the calls under way, as long as each may last; a journal outlives a kill as well
            ending = threading.Timer(END_SECONDS, _end)
            ending.daemon = True
            ending.start()
    return 0


def _end() -> None:
    print("Ended with calls under way.", flush=True)
    os._exit(0)


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
    if options.profile is not None:
        use_profile(options.profile)
    if not (os.environ.get("DATABRICKS_HOST") or os.environ.get("DATABRICKS_WORKSPACES")):
        raise MissingSettingError(
            "Which workspace? Set DATABRICKS_HOST to its URL and DATABRICKS_TOKEN to a token for it, or name a profile "
            "of ~/.databrickscfg with --profile."
        )
    display = Display()
    with closing(BackgroundServers()) as servers:
        complete(servers)
        with closing(LocalHost(_app(), servers)) as host:
            exit_code, result = terminal.cancel(host.url, order, display)
            display.json(result)
            return exit_code


def _app() -> Any:
    # imported this late because it reads the environment, which must be complete by then
    return importlib.import_module("function_app").app


class _Version(argparse.Action):
    """``--version``: the app's own version, which only the app knows."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print("databricks-cancel-run", importlib.import_module("function_app").__version__)
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local_host", description=__doc__)
    parser.add_argument("--version", action=_Version, nargs=0, help="the version of the app")
    commands = parser.add_subparsers(required=True)

    commands.add_parser("demo", help=demo.__doc__).set_defaults(command=demo)

    serving = commands.add_parser("serve", help=serve.__doc__)
    serving.add_argument("--port", type=int, default=DEFAULT_PORT, help=f"default {DEFAULT_PORT}; 0 for a free one")
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
    sys.exit(main(sys.argv[1:]))
