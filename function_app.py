"""The composition root that Azure runs: every trigger and binding, and no logic.

One badly declared function makes the whole app vanish in Azure; tests/test_function_app.py holds each to the worker's
rules.
"""

import functools
from collections.abc import Mapping

import azure.durable_functions as df
import azure.functions as func

from cancel_run import __version__, orchestrator, settings, token_watch
from cancel_run.activities import Activities, Answer, JobQuestion, Question
from cancel_run.cancellation.progress import CANCEL_RUN, POLL_RUN, READ_RUN
from cancel_run.clock import SystemClock
from cancel_run.errors import SettingsError
from cancel_run.job import orchestrator as job_orchestrator
from cancel_run.settings import problems_of
from cancel_run.triggers import children, http_trigger, job_trigger, listing, openapi, queue_trigger, timer_trigger
from cancel_run.triggers.job_starting import JOB_ORCHESTRATOR
from cancel_run.triggers.pages import answers
from cancel_run.triggers.replies import Reply
from cancel_run.triggers.starting import ORCHESTRATOR, REHEARSAL

__all__ = ["__version__", "app", "create_app", "problems_of"]  # what `python -m local_host` takes from here

STORAGE = "AzureWebJobsStorage"  # the Functions host's own connection holds the queue too

# every method comes in, so that a wrong one is told what is right
LOOKS = ["GET", "HEAD"]
OTHERS = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
ANY_METHOD = [*LOOKS, *OTHERS]


def create_app(environ: Mapping[str, str]) -> df.DFApp:  # noqa: C901  # an app is a list of functions
    """The app with its functions, wired to the settings in ``environ``, which are read when first needed.

    A wrong setting is therefore an answer that names it, not an app that does not load.
    """
    app = df.DFApp(http_auth_level=_auth_level(environ))
    queue = _queue_name(environ)
    clock = SystemClock()
    load_settings = functools.cache(lambda: settings.Settings.from_environ(environ))
    activities = Activities(load_settings, clock)

    @app.function_name("startFromHttp")
    @app.route(route=http_trigger.ROUTE, methods=OTHERS)
    @app.durable_client_input(client_name="client")
    async def start_from_http(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
        return _response(await http_trigger.start(req, client, load_settings, clock))

    # a function of its own: a drained app, whose startFromHttp is disabled, still tells what is under way
    @app.function_name("listCancellations")
    @app.route(route=http_trigger.ROUTE, methods=LOOKS)
    @app.durable_client_input(client_name="client")
    async def list_cancellations(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
        listed = await listing.list_cancellations(req, client, load_settings, clock, http_trigger.ROUTE)
        return _response(answers.as_wanted(req, listed, load_settings, clock, http_trigger.ROUTE))

    @app.function_name("getCancellation")
    @app.route(route=f"{http_trigger.ROUTE}/{{instanceId}}", methods=ANY_METHOD)
    @app.durable_client_input(client_name="client")
    async def get_cancellation(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
        seen = await http_trigger.look(req, client, clock)
        return _response(answers.as_wanted(req, seen, load_settings, clock, http_trigger.ROUTE))

    @app.function_name("startJobFromHttp")
    @app.route(route=job_trigger.ROUTE, methods=ANY_METHOD)
    @app.durable_client_input(client_name="client")
    async def start_job_from_http(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
        return _response(await job_trigger.start(req, client, load_settings, clock))

    @app.function_name("getJobCancellation")
    @app.route(route=f"{job_trigger.ROUTE}/{{instanceId}}", methods=ANY_METHOD)
    @app.durable_client_input(client_name="client")
    async def get_job_cancellation(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
        seen = await job_trigger.look(req, client, clock)
        return _response(answers.as_wanted(req, seen, load_settings, clock, job_trigger.ROUTE))

    # binary: of a text the host reads the keys, and an "id" or "dequeueCount" in it replaces the message's own
    @app.function_name("startFromQueue")
    @app.queue_trigger(arg_name="message", queue_name=queue, connection=STORAGE, data_type=func.DataType.BINARY)
    @app.durable_client_input(client_name="client")
    async def start_from_queue(message: func.QueueMessage, client: df.DurableOrchestrationClient) -> None:
        await queue_trigger.take(message, client, load_settings, clock)

    @app.function_name("enqueueAlert")
    @app.route(route=http_trigger.ALERTS_ROUTE, methods=ANY_METHOD)
    @app.queue_output(arg_name="message", queue_name=queue, connection=STORAGE)
    def enqueue_alert(req: func.HttpRequest, message: func.Out[bytes]) -> func.HttpResponse:
        return _response(http_trigger.enqueue(req, message.set, load_settings))

    @app.function_name("getOpenApi")
    @app.route(route=openapi.ROUTE, methods=ANY_METHOD)
    def get_openapi(req: func.HttpRequest) -> func.HttpResponse:
        return _response(http_trigger.describe(req, load_settings))

    @app.function_name("purgeHistory")
    @app.timer_trigger(arg_name="timer", schedule=timer_trigger.SCHEDULE)
    @app.durable_client_input(client_name="client")
    async def purge_history(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:  # noqa: ARG001  # the worker hands it in
        await timer_trigger.purge(client, load_settings, clock)

    @app.function_name("watchTokens")
    @app.timer_trigger(arg_name="timer", schedule=token_watch.SCHEDULE)
    def watch_tokens(timer: func.TimerRequest) -> None:  # noqa: ARG001  # the worker hands it in
        token_watch.watch(load_settings, activities.sources, clock)

    app.function_name(ORCHESTRATOR)(app.orchestration_trigger(context_name="context")(orchestrator.cancel_active_run))
    app.function_name(REHEARSAL)(app.orchestration_trigger(context_name="context")(orchestrator.rehearse_cancellation))

    @app.function_name(READ_RUN)
    @app.activity_trigger(input_name="question")
    def read_run(question: Question) -> Answer:
        return activities.read_run(question)

    @app.function_name(CANCEL_RUN)
    @app.activity_trigger(input_name="question")
    def cancel_run(question: Question) -> Answer:
        return activities.cancel_run(question)

    @app.function_name(POLL_RUN)
    @app.activity_trigger(input_name="question")
    def poll_run(question: Question) -> Answer:
        return activities.poll_run(question)

    orchestrate_job = job_orchestrator.cancel_active_runs
    app.function_name(JOB_ORCHESTRATOR)(app.orchestration_trigger(context_name="context")(orchestrate_job))

    @app.function_name(job_orchestrator.LIST_ACTIVE_RUNS)
    @app.activity_trigger(input_name="question")
    def list_active_runs(question: JobQuestion) -> Answer:
        return activities.list_active_runs(question)

    # these two only talk to the task hub, with the SDK's client, which is awaited
    @app.function_name(job_orchestrator.START_CANCELLATIONS)
    @app.activity_trigger(input_name="family")
    @app.durable_client_input(client_name="client")
    async def start_cancellations(family: children.Family, client: df.DurableOrchestrationClient) -> Answer:
        return await children.start_cancellations(family, client, load_settings, clock)

    @app.function_name(job_orchestrator.READ_CANCELLATIONS)
    @app.activity_trigger(input_name="family")
    @app.durable_client_input(client_name="client")
    async def read_cancellations(family: children.Family, client: df.DurableOrchestrationClient) -> Answer:
        return await children.read_cancellations(family, client)

    return app


def _auth_level(environ: Mapping[str, str]) -> func.AuthLevel:
    try:
        return func.AuthLevel.ANONYMOUS if settings.allows_anonymous(environ) else func.AuthLevel.FUNCTION
    except SettingsError:
        return func.AuthLevel.FUNCTION  # the safe one; the wrong setting is told with all the others


def _queue_name(environ: Mapping[str, str]) -> str:
    try:
        return settings.queue_name(environ)
    except SettingsError:
        return settings.DEFAULT_QUEUE_NAME  # the wrong setting is told with all the others


def _response(reply: Reply) -> func.HttpResponse:
    return func.HttpResponse(
        reply.text(), status_code=reply.status_code, headers=reply.headers, mimetype=reply.media_type
    )


app = create_app(settings.environment())
