"""``python -m bench.neighbours_app A B TROUBLE``: the local host with two workspaces, in a process of its own.

It prints its URL, and ends with its standard input, whatever it waits for then.
"""

from __future__ import annotations

import json
import os
import sys

from bench.troubles import VAULT
from bench.workspace import TOKEN
from function_app import create_app
from local_host.background import BackgroundServers
from local_host.emulators.faults import Fault
from local_host.environment import complete, forget_settings
from local_host.host import LocalHost

A, B = "a", "b"


def main(host_a: str, host_b: str, trouble: str) -> None:
    """The app answers until standard input ends."""
    servers = BackgroundServers()
    forget_settings()
    table = {alias: {"host": host, "tokenSecret": alias} for alias, host in ((A, host_a), (B, host_b))}
    os.environ.update({"DATABRICKS_WORKSPACES": json.dumps(table), "LOCAL_DATABRICKS_TOKEN": TOKEN})
    vault = complete(servers).vault
    assert vault is not None  # noqa: S101  # no setting named one
    if trouble == VAULT:
        vault.faults.fail(f"secret {A}", Fault(hang=True), None)
    print(LocalHost(create_app(os.environ), servers).url, flush=True)
    sys.stdin.read()
    sys.stdout.flush()
    os._exit(0)  # to close it would wait for calls that hang


if __name__ == "__main__":
    main(*sys.argv[1:])
