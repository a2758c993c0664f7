"""``python -m bench.first_answer MODULE BINDING``: seconds from here to the first answer of that module's app.

The module is imported, and its function ``startFromHttp`` is called with a request and the durable client's binding.
"""

from __future__ import annotations

import time

BEGAN = time.perf_counter()

import asyncio  # noqa: E402  # the clock runs from the first line
import importlib  # noqa: E402
import sys  # noqa: E402
from http import HTTPStatus  # noqa: E402


def main(module: str, binding: str) -> None:
    """The time is printed."""
    functions = importlib.import_module(module).app.get_functions()
    start = next(function for function in functions if function.get_function_name() == "startFromHttp")
    request = sys.modules["azure.functions"].HttpRequest(
        method="POST",
        url="http://127.0.0.1/api/cancel-active-run",
        headers={"Content-Type": "application/json"},
        body=b'{"runId": 455644833}',
    )
    answer = asyncio.run(start.get_user_function()(req=request, client=binding))
    if answer.status_code != HTTPStatus.ACCEPTED:
        raise SystemExit(answer.get_body().decode())
    print(time.perf_counter() - BEGAN)


if __name__ == "__main__":
    main(*sys.argv[1:])
