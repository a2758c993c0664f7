"""``python -m local_host demo | serve | cancel``: the app of function_app.py on this machine."""

from __future__ import annotations

from local_host import ending, streams

if __name__ == "__main__":
    streams.settle()
    ending.listen()  # before what follows, which takes half a second

import contextlib
import functools
import importlib
import logging
import os
import shlex
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError

from local_host import terminal, whereabouts
from local_host.background import BackgroundServers, PortTakenError
from local_host.command_line import parser
from local_host.display import Display, console, print_json
from local_host.emulators.jobs import STARTED
from local_host.emulators.run_life import Life
from local_host.engine.journal import JournalError
from local_host.engine.journaled_engine import JournaledEngine
from local_host.environment import Emulated, complete, forget_settings, places, storage
from local_host.host import LocalHost
from local_host.keys import Keys
from local_host.log import Log
from local_host.profile import REPLACED, use_profile
from local_host.queue_client import connection_problem, reach, why_no_queue
from local_host.queue_output import no_queue, write_to_queue
from local_host.queue_trigger import Rules, attach_queues
from local_host.setting_sources import load
from local_host.start_error import StartError, fault

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from pathlib import Path


def main(arguments: list[str]) -> int:
    """The exit code of the command."""
    options = parser(demo=demo, serve=serve, cancel=cancel).parse_args(arguments)
    errors = _errors(options).begin()
    # the SDK advises types on calls that its own next version does not take them on
    logging.captureWarnings(capture=True)
    logging.getLogger("py.warnings").setLevel(logging.ERROR)
    command: Callable[[argparse.Namespace], int] = options.command
    # whoever waits for the result is shown it: the app's warning of its outcome is for a log
    logging.getLogger("cancel_run").setLevel(logging.ERROR)
    logging.getLogger("local_host").setLevel(logging.WARNING)
    try:
        return command(options)
    except (StartError, PortTakenError, JournalError) as error:
        errors.say("notStarted", str(error), level="ERROR")
    except Exception as error:
        errors.say("fault", fault(error), level="ERROR")
        logging.getLogger("local_host").debug("The fault", exc_info=True)
    return terminal.BAD_REQUEST


def _errors(options: argparse.Namespace) -> Log:
    """What is told on stderr, as objects where the log is to be made of objects."""
    return Log(as_json=getattr(options, "log_format", "text") == "json", out=console(stderr=True))


def demo(options: argparse.Namespace) -> int:
    """A run begins on an emulated workspace and is canceled; 0 only when the outcome is ``canceled``."""
    forget_settings()
    display = _display(quiet=options.quiet)
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
    _tell(result)
    return 0 if result.get("outcome") == "canceled" else 1


def serve(options: argparse.Namespace) -> int:
    """The app answers until Ctrl-C (or SIGTERM)."""
    say_goodbye = functools.partial(_errors(options).say, "stopped")
    ending.say("Stopped.", by=say_goodbye)
    sources = load(os.environ)
    with closing(BackgroundServers()) as servers:
        emulated = complete(servers)
        connection = storage()
        problem = connection_problem(connection) if connection else None
        emulated.and_also(problem).judge(_app_module().problems_of, sources)
        streams.spare_stdout()
        log = Log(as_json=options.log_format == "json", verbose=options.verbose).begin()
        _tell_workspaces(log, emulated)
        for line in sources.lines():
            log.say("settings", line)
        write = functools.partial(write_to_queue, connection) if connection else no_queue
        keys = Keys.read(options.keys) if options.keys else None
        rules = Rules.from_host_json()  # this and the storage are judged before anything can begin
        if connection:
            with _storage_judged():
                reach(connection)
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
                with _storage_judged():
                    queues = attach_queues(host, connection, rules)
                log.say("queue", f"queue {', '.join(queues)}: served", queues=queues)
            else:
                log.say("queue", "no queue: set AzureWebJobsStorage (UseDevelopmentStorage=true for `make azurite`)")
            if isinstance(host.engine, JournaledEngine):
                engine, here = host.engine, emulated.workspace is not None
                for line in whereabouts.begun_again(engine.begun_again, emulated=here, placed=engine.placed):
                    log.say("journal", line)
            run_id = _add_runs(log, emulated) or "RUN_ID"  # in a real workspace nobody knows which run to cancel
            kept = f"begins again with --state {options.state}" if options.state else "is forgotten"
            goodbye = f"Stopped. What had not ended {kept}; a cancel that was sent stays sent."
            ending.say(goodbye, by=say_goodbye)
            stop = ending.gently()  # before anybody can know that it listens
            log.say("listening", f"listening on {host.url}", url=host.url)
            log.say("page", f"in a browser: {host.url}/api/cancel-active-run")
            command = curl(host.url, run_id, options.keys)
            log.say("try", command, command=command)
            stop.wait()
    return 0


def _tell_workspaces(log: Log, emulated: Emulated) -> None:
    here, number = emulated.workspace is not None, os.environ.get("DATABRICKS_WORKSPACE_ID", "")
    for name, place in whereabouts.workspaces(os.environ).items():
        told = whereabouts.line(name, place, emulated=here, workspace_id=number)
        log.say("workspace", told, name=name, url=place, emulated=here, **({"workspaceId": number} if here else {}))


def _add_runs(log: Log, emulated: Emulated) -> int | None:
    """The first of some runs to try, in a workspace that is emulated."""
    if emulated.workspace is None:
        return None
    runs = [emulated.workspace.add_run(Life() if number else STARTED) for number in range(10)]
    log.say("runs", f"runs {runs[0]} to {runs[-1]} of the emulated workspace are active", runIds=runs)
    token = emulated.token or "(what LOCAL_DATABRICKS_TOKEN holds)"
    log.say("token", f"its token, for the Databricks CLI or SDK: DATABRICKS_TOKEN={token}", token=emulated.token)
    return runs[0]


@contextlib.contextmanager
def _storage_judged() -> Iterator[None]:
    """What keeps the storage from being used keeps the command from starting."""
    try:
        yield
    except AzureError as error:
        raise StartError(why_no_queue(error)) from error


def curl(url: str, run_id: int | str, keys: Path | None) -> str:
    """A line to be pasted into a shell, which begins a cancellation; the key itself is not in it."""
    shown = f" -H \"x-functions-key: $(grep -m 1 '^[^#]' {shlex.quote(str(keys))})\"" if keys else ""
    return (
        f"curl -i -X POST {url}/api/cancel-active-run -H 'Content-Type: application/json'{shown} "
        f"-d '{{\"runId\": {run_id}}}'"
    )


def cancel(options: argparse.Namespace) -> int:
    """One run of the settings' workspace, or all of a job, is canceled; 0 when stopped, 1 when not, 2 if refused."""
    order: dict[str, Any] = {
        **_target(options),
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
    display = _display(quiet=options.quiet)
    servers = BackgroundServers()
    complete(servers, workspace_needed=True).judge(_app_module().problems_of, sources)
    for name, place in whereabouts.workspaces(os.environ).items():
        display.line(whereabouts.line(name, place, emulated=False))
    for line in sources.lines():
        display.line(line)
    host = LocalHost(_app_module().app, servers)
    exit_code, result = terminal.cancel(host.url, order, display)
    _tell(result)
    return exit_code


def _tell(result: dict[str, Any]) -> None:
    """The result is on stdout; if it cannot be, that is told on stderr, and the exit code stays the outcome's."""
    try:
        print_json(result)
    except BrokenPipeError:
        pass  # whoever read it wants no more
    except OSError as error:
        outcome = result.get("outcome") or result.get("title")
        print(f"The result cannot be written ({error.strerror}). The outcome: {outcome}.", file=sys.stderr)


def _target(options: argparse.Namespace) -> dict[str, Any]:
    """What is canceled: one run, by its id or its page, or the active runs of a job."""
    if options.job is not None:
        more = {"only": options.only, "maxRuns": options.max_runs}
        return {"jobId": options.job, **{key: value for key, value in more.items() if value is not None}}
    if options.only or options.max_runs:
        raise StartError("--only and --max-runs are for --job.")
    return {"runPageUrl" if "://" in options.run_id else "runId": options.run_id}


def _display(*, quiet: bool) -> Display:
    """What a person sees; a signal gives the terminal back and says what it means for what was going on."""
    display = Display(quiet=quiet)
    ending.before_the_end(display.close)
    ending.say("Stopped. What this process was waiting for is forgotten; a cancel that was sent stays sent.")
    return display


def _app_module() -> Any:
    # imported this late because it reads the environment, which must be complete by then
    return importlib.import_module("function_app")


if __name__ == "__main__":
    exit_code: object = terminal.BAD_REQUEST
    try:
        exit_code = main(sys.argv[1:])
    except SystemExit as asked:  # --help, and arguments that argparse refuses
        exit_code = asked.code
    finally:
        ending.leave(exit_code if isinstance(exit_code, int) else 0)  # no thread that is left keeps the process
