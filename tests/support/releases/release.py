"""A release of the app in a folder of its own, run by a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


class Release:
    """The app in that folder; its turns and answers come from its own code. To be closed."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.releases.worker"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answers: dict[str, Any] = {}
        told = self._ask({"do": "tell"})
        self.version: str = told["version"]
        self.default_version: str | None = told["defaultVersion"]
        self.inputs: dict[str, Any] = told["lives"]

    def turn(self, context: str) -> str:
        """The orchestrator's answer to a history, as the SDK's handle gives it.

        Raises:
            Exception: what the orchestrator raised, as the SDK does.
        """
        said = self._ask({"do": "turn", "context": context})
        if "raised" in said:
            raise Exception(said["raised"])  # noqa: TRY002  # what the SDK raises
        state: str = said["state"]
        return state

    def answer(self, life: str, step: str, number: int) -> Any:
        """An activity's answer in that life.

        Raises:
            RuntimeError: the activity raised.
        """
        asked = {"do": "answer", "life": life, "step": step, "number": number}
        key = json.dumps(asked)
        if key not in self._answers:
            self._answers[key] = self._ask(asked)
        said = self._answers[key]
        if "raised" in said:
            raise RuntimeError(said["raised"])
        return said["answer"]

    def takes(self, version: str | None) -> bool:
        """Whether its host takes instances of that version: CurrentOrOlder, and none is older than any."""
        return _number(version) <= _number(self.default_version)

    def close(self) -> None:
        """Its process has ended."""
        self._process.communicate()

    def _ask(self, question: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"The process of {self.name} has ended; what it said last is above.")
        return json.loads(line)


def _number(version: str | None) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")) if version else ()
