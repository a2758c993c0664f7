"""Azure Monitor's alerts, in its common schema.

The schema is at https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-common-schema; samples of every kind, and
what an action group's "Test" sends, at https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-payload-samples.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from cancel_run.errors import RequestError
from cancel_run.triggers.alerts.alert import Alert, identity
from cancel_run.triggers.alerts.lookup import Row, Source, judged, names_a_run, pairs, shown, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cancel_run.settings import Settings
    from cancel_run.triggers.alerts.lookup import Facts

SCHEMA = "azureMonitorCommonAlertSchema"

_LOOKED_IN = "the dimensions, the search results, the labels (Prometheus) and the custom properties of the alert"
_REALS = re.compile(r"real|double|decimal|float|single", re.IGNORECASE)  # in types of columns that round a long number

# monitoring services (letters alone, small) whose alerts are about a subscription or a resource, never about a run
_SERVICES_WITHOUT_RUNS = (
    ("costalerts", "a budget"),
    ("servicehealth", "the health of an Azure service"),
    ("resourcehealth", "the health of an Azure resource"),
    ("activitylog", "an entry of the activity log"),
    ("smartdetector", "smart detection"),
)
# the non-common schemas of the same
_SCHEMAS_WITHOUT_RUNS = {
    "AIP Budget Notification": "a budget",
    "Microsoft.Insights/activityLogs": "an entry of the activity log",
}
_SAMPLE_KEY = re.compile(r"customKey[0-9]*")  # the custom properties of the portal's samples


def recognizes(data: Mapping[str, Any]) -> bool:
    """True for an alert of Azure Monitor, in whatever schema."""
    return "schemaId" in data


def read(data: Mapping[str, Any], settings: Settings) -> Alert:
    """The runs that the alert names: each row of a log search alert is one.

    Raises:
        RequestError: it is in another schema, or does not say whether it is fired.
    """
    schema = data["schemaId"]
    if isinstance(schema, str) and schema in _SCHEMAS_WITHOUT_RUNS:
        return _without_runs(_SCHEMAS_WITHOUT_RUNS[schema])
    if schema != SCHEMA:
        raise RequestError(
            ["the alert is not in Azure Monitor's common alert schema; switch it on in the action group"]
        )
    body = _object(data, "data")
    essentials, context = _object(body, "essentials"), _object(body, "alertContext")
    rule = [*pairs(context.get("properties")), *pairs(body.get("customProperties"))]
    rows = _rows(context)
    condition = text(essentials.get("monitorCondition")).lower()
    if condition == "resolved":
        return Alert(nothing="the alert is not fired but resolved")
    if not any(names_a_run(facts) for facts in [rule, *(fact for row in rows for fact in row)]):
        nature = _nature(body, essentials, context, rule)
        if nature:
            return nature
    if condition != "fired":
        raise RequestError([f"monitorCondition is {shown(essentials.get('monitorCondition'))}, not Fired or Resolved"])
    source = Source(
        "azure-monitor",
        f"alert {text(essentials.get('alertRule'))}",
        _LOOKED_IN,
        identity("azure-monitor", essentials.get("alertId"), essentials.get("firedDateTime")),
    )
    if not rows:
        return judged([Row([rule])], source, settings)
    return judged(
        (Row([*row, rule], f"row {number}" if len(rows) > 1 else "") for number, row in enumerate(rows, 1)),
        source,
        settings,
    )


def _rows(context: Mapping[str, Any]) -> Sequence[Sequence[Facts]]:
    """The facts of each row, level by level."""
    conditions = _object(context, "condition").get("allOf")
    if isinstance(conditions, list) and conditions:
        return [[_dimensions(row.get("dimensions")) if isinstance(row, dict) else []] for row in conditions]
    dimensions = _dimensions(context.get("Dimensions"))  # from here on log alerts V1
    found = _search_results(_object(context, "SearchResults"))
    if found and not names_a_run(dimensions):  # results may be those of the whole search, dimensions are this alert's
        return [[row, dimensions] for row in found]
    labels = pairs(context.get("labels"))
    return [[facts] for facts in (dimensions, labels) if facts]


def _dimensions(listed: Any) -> Facts:
    """``[{"name", "value"}]``, as facts."""
    given = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return [(text(one.get("name")), one.get("value")) for one in given]


def _search_results(results: Mapping[str, Any]) -> list[Facts]:
    """The rows of ``{"tables": [{"columns": [{"name", "type"}], "rows": [[...]]}]}``."""
    tables = results.get("tables")
    found: list[Facts] = []
    for table in tables if isinstance(tables, list) else []:
        columns, rows = _columns(table), table.get("rows") if isinstance(table, dict) else None
        for row in rows if isinstance(rows, list) else []:
            values = row if isinstance(row, list) else []
            found.append([(name, value) for name, value in zip_longest(columns, values[: len(columns)])])
    return found


def _columns(table: Any) -> list[str]:
    """The names of a table's columns, with the suffix of a real one where it is one."""
    columns = table.get("columns") if isinstance(table, dict) else None
    given = [one if isinstance(one, dict) else {} for one in columns] if isinstance(columns, list) else []
    return [f"{text(one.get('name'))}{'_d' if _REALS.search(text(one.get('type'))) else ''}" for one in given]


def _nature(
    body: Mapping[str, Any], essentials: Mapping[str, Any], context: Mapping[str, Any], rule: Facts
) -> Alert | None:
    """Why an alert that names no run never could; None for one that should have named one."""
    service = re.sub(r"[^a-z]", "", text(essentials.get("monitoringService")).lower())
    signal = re.sub(r"[^a-z]", "", text(essentials.get("signalType")).lower())
    for name, about in _SERVICES_WITHOUT_RUNS:
        if service.startswith(name) or signal == name:
            return _without_runs(about)
    if text(context.get("conditionType")).startswith("Webtest"):
        return _without_runs("an availability test")
    if _is_a_test(essentials, rule):
        return Alert(nothing='it is the sample that an action group\'s "Test" sends')
    if body.get("alertContext") == {} and not rule:
        return Alert(nothing="the alert has an empty context, as only a sample has")
    return None


def _is_a_test(essentials: Mapping[str, Any], rule: Facts) -> bool:
    if any(_SAMPLE_KEY.fullmatch(name) for name in [*essentials, *(name for name, _ in rule)]):
        return True
    targets = essentials.get("alertTargetIDs")
    listed = targets if isinstance(targets, list) else []
    in_test_group = any("/resourcegroups/test-rg/" in text(target).lower() for target in listed)
    named_test = text(essentials.get("alertRule")).lower().startswith("test-")
    return (named_test and in_test_group) or text(essentials.get("alertId")).endswith("/Test_Alert")


def _without_runs(about: str) -> Alert:
    return Alert(nothing=f"an alert about {about} can name no run")


def _object(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The object under the key; Azure Monitor writes null, or nothing, for an empty one."""
    value = data.get(key)
    return value if isinstance(value, dict) else {}
