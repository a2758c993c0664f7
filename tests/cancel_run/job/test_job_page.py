"""What docs/jobs.md says is what the app does."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from cancel_run.job.request import JobRequest
from cancel_run.job.result import JobOutcome, JobResult
from cancel_run.triggers import openapi
from tests.support.page import Page, names
from tests.support.serve_process import pasted, serving

JOBS = Page("docs/jobs.md")


def test_the_page_names_every_key_of_a_request() -> None:
    assert set(JOBS.first_column("Begin")) == {*JobRequest(1).to_json(), "job_id"}


def test_the_examples_have_the_keys_of_the_document() -> None:
    schemas = openapi.document("")["components"]["schemas"]
    accepted, run, result = (json.loads(block) for block in JOBS.blocks())
    assert list(accepted) == list(schemas["JobAccepted"]["properties"])
    assert list(run) == list(
        schemas["JobRunning"]["properties"]["progress"]["properties"]["runs"]["items"]["properties"]
    )
    assert list(result) == list(JobResult().to_json()) == list(schemas["JobResult"]["properties"])


def test_the_tables_name_every_key_of_the_result_and_every_outcome() -> None:
    rows = JOBS.rows("The result")
    keys = list(JobResult().to_json())
    assert [name for row in rows[: len(keys)] for name in names(row[0])] == keys
    told = {names(row[0])[0]: row[2] for row in rows if len(row) == 3}
    assert told == {one.value: str(JobResult(outcome=one).stopped).lower() for one in JobOutcome}


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_the_curl_lines_begin_and_look() -> None:
    lines = re.findall(r"^curl .*$", JOBS.text, re.MULTILINE)
    with serving() as process:
        for line in lines:
            done = pasted(line.replace("http://127.0.0.1:7071", process.url))
            assert done.stdout.startswith("HTTP/1.1 202"), line + done.stderr
    assert len(lines) == 2
