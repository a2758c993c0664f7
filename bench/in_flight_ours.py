"""``python -m bench.in_flight_ours WORKSPACE``: the local host with many cancellations, in a process of its own.

It prints its URL. For each line on standard input, a JSON list of runs, it waits until their cancellations have ended
and prints what it has cost since the line before: ``{"cpuSeconds", "peakBytes", "stopped"}``.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import closing

from bench.processes import cpu_seconds, tell
from bench.workspace import settings_for
from function_app import create_app
from local_host.background import BackgroundServers
from local_host.host import LocalHost

LOOK_SECONDS = 0.25


def main(workspace: str) -> None:
    """Every list of runs has been waited for."""
    with closing(BackgroundServers()) as servers:
        environ = settings_for(workspace, servers)
        with closing(LocalHost(create_app(environ), servers)) as host:
            print(host.url, flush=True)
            before = cpu_seconds()
            for line in sys.stdin:
                stopped = 0
                for instance_id in (f"default-{run_id}" for run_id in json.loads(line)):
                    while (instance := host.engine.get(instance_id)) is None or not instance.output:
                        time.sleep(LOOK_SECONDS)
                    stopped += bool(instance.output["stopped"])
                before = tell(before, stopped)


if __name__ == "__main__":
    main(sys.argv[1])
