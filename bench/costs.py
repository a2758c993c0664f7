"""What a cancellation costs in Azure by how long its run takes to stop: counted by infra/cost.py, not measured.

``python -m bench.costs`` prints the table in docs/benchmarks.md.
"""

from __future__ import annotations

from bench.noticing import DURATIONS
from bench.report import table
from infra import cost


def written() -> str:
    """The page's table."""
    rows = []
    for seconds in DURATIONS:
        bill = cost.bill(cost.parser().parse_args(["--seconds-to-stop", f"{seconds:g}"]))
        count = bill.count
        rows.append(
            (
                f"{seconds:g} s",
                str(count.polls),
                f"{count.requests} + {count.turns} + {count.activities}",
                f"{count.history_events} ({count.history_bytes / 1000:.0f} kB)",
                str(bill.queue_operations),
                str(bill.table_operations),
                f"${bill.usd * cost.CANCELLATIONS:.2f}",
            )
        )
    head = (
        "stops after",
        "polls",
        "executions: HTTP + orchestrator + activities",
        "history events",
        "queue operations",
        "table operations",
        "a thousand of them, at most",
    )
    return table(head, rows)


if __name__ == "__main__":
    print(written())
