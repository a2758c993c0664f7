"""KQL carried out over a table in memory, translated into DuckDB's SQL: Microsoft's own engine runs in Azure alone.

What the translation does not know it refuses. Both engines match regular expressions by RE2; that a query is KQL at all
is for Microsoft's compiler to say (tests/infra/kusto.js).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb_kql

if TYPE_CHECKING:
    from collections.abc import Iterable

WARNING, ERROR = 2, 3  # severityLevel of Application Insights
AT = datetime(2026, 1, 31, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Trace:
    """A row of Application Insights' table ``traces``, of the columns that are read here."""

    message: str
    category: str
    severity: int = WARNING
    timestamp: datetime = AT


@dataclass(frozen=True)
class Request:
    """A row of its table ``requests``: an execution of a function, of the columns that are read here."""

    name: str
    result_code: str
    timestamp: datetime = AT


def carried_out(query: str, traces: Iterable[Trace] = (), requests: Iterable[Request] = ()) -> list[dict[str, Any]]:
    """The rows that the query makes of the traces and the requests."""
    with duckdb_kql.connect() as connection:
        connection.execute(
            "CREATE TABLE traces (timestamp TIMESTAMP, message VARCHAR, severityLevel INTEGER, customDimensions JSON)"
        )
        _fill(
            connection,
            "traces",
            [
                (one.timestamp.replace(tzinfo=None), one.message, one.severity, json.dumps({"Category": one.category}))
                for one in traces
            ],
        )
        connection.execute("CREATE TABLE requests (timestamp TIMESTAMP, name VARCHAR, resultCode VARCHAR)")
        _fill(
            connection,
            "requests",
            [(one.timestamp.replace(tzinfo=None), one.name, one.result_code) for one in requests],
        )
        found = duckdb_kql.query(connection, query)
        return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def _fill(connection: Any, table: str, rows: list[tuple[Any, ...]]) -> None:
    """The table has the rows, all by one statement: each has its price."""
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        connection.execute(f"INSERT INTO {table} SELECT {', '.join('unnest(?)' for _ in columns)}", columns)
