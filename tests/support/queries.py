"""The queries that the templates deploy, each as it is when Bicep has put it together."""

from __future__ import annotations

from tests.support.bicep import body, loaded, parsed, source, variable

OUTCOMES = source("queries/outcomes.kql")
RULES = {rule["name"]: rule for rule in variable("operators.bicep", "rules")}
CHARTS = {chart["title"]: chart for chart in variable("operators.bicep", "charts")}
(SAMPLE,) = body(parsed("alerts.bicep")["resources"]["tooLong"])["properties"]["criteria"]["allOf"]
QUERIES = {name: loaded(one["query"]) for name, one in {**RULES, **CHARTS, "sample": SAMPLE}.items()}
