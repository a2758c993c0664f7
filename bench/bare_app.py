"""The least app that starts an orchestration over HTTP: what ours is measured against from process start to answer."""

from __future__ import annotations

import azure.durable_functions as df
import azure.functions as func
import requests  # noqa: F401  # such an app calls Databricks with it

app = df.DFApp()


@app.function_name("startFromHttp")
@app.route(route="cancel-active-run", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """An orchestration for the run in the body has been started."""
    run_id = req.get_json()["runId"]
    instance_id = await client.start_new("cancel-active-run", f"default-{run_id}", {"runId": run_id})
    return func.HttpResponse(f'{{"instanceId": "{instance_id}"}}', status_code=202, mimetype="application/json")
