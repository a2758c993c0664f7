"""What stands in for the Functions worker of one release: ``python -m tests.support.releases.worker`` in its folder.

It answers a line of JSON with a line of JSON, for as long as there are any:

* ``{"do": "tell"}`` -> ``{"version", "defaultVersion", "lives": {name: the orchestration's input}}``;
* ``{"do": "turn", "context": text}`` -> ``{"state": text}`` or ``{"raised": text}``: a turn of the orchestrator;
* ``{"do": "answer", "life", "step", "number"}`` -> ``{"answer": JSON}`` or ``{"raised": text}``: an activity's answer.

Commits speak this with each other, so it does not change.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

from cancel_run import __version__
from function_app import create_app
from tests.support import ROOT
from tests.support.releases.lives import LIVES
from tests.support.replay import orchestrator_of


def main() -> None:
    """Every line of the standard input has been answered."""
    logging.disable()
    handle = orchestrator_of(create_app({}), "cancel-active-run")
    durable = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))["extensions"]["durableTask"]
    for line in sys.stdin:
        asked = json.loads(line)
        said: dict[str, Any]
        if asked["do"] == "tell":
            said = {"version": __version__, "defaultVersion": durable.get("defaultVersion")}
            said["lives"] = {name: life.input() for name, life in LIVES.items()}
        elif asked["do"] == "turn":
            try:
                said = {"state": handle(asked["context"])}
            except Exception as error:  # noqa: BLE001  # the SDK raises a bare Exception that carries the state
                said = {"raised": str(error)}
        else:
            answer = LIVES[asked["life"]].answer(asked["step"], asked["number"])
            said = {"raised": str(answer)} if isinstance(answer, Exception) else {"answer": answer}
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
