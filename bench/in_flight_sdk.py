"""``python -m bench.in_flight_sdk WORKSPACE``: a thread of databricks-sdk's waiter for every run, in one process.

It prints a line when it is ready; otherwise as :mod:`bench.in_flight_ours`.
"""

from __future__ import annotations

import json
import sys
import threading
from datetime import timedelta

from databricks.sdk import WorkspaceClient

from bench.processes import cpu_seconds, tell
from bench.workspace import TOKEN

PATIENCE = timedelta(minutes=20)


def main(workspace: str) -> None:
    """Every list of runs has been waited for."""
    client = WorkspaceClient(host=workspace, token=TOKEN, auth_type="pat")
    print("ready", flush=True)
    before = cpu_seconds()
    for line in sys.stdin:
        stopped: list[int] = []

        def cancel(run_id: int, stopped: list[int] = stopped) -> None:
            client.jobs.cancel_run_and_wait(run_id, timeout=PATIENCE)
            stopped.append(run_id)

        threads = [threading.Thread(target=cancel, args=(run_id,)) for run_id in json.loads(line)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        before = tell(before, len(stopped))


if __name__ == "__main__":
    main(sys.argv[1])
