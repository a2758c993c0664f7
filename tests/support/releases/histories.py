"""Golden histories: whole instances as recorded, one file a life, and the check that a release still replays them.

A file is ``{"life", "generations": [{"input", "events", "turns": [{"events", "actions"}], "actions"}], "output"}``:
the input's JSON text, what the Durable extension would hand over, and for each turn how many events it was given and
how many actions had been scheduled after it. Actions are what the Durable Task Framework compares: the type and the
activity's name. The files of a version are written once and never edited.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from function_app import create_app
from local_host.emulators.durable_history import History
from tests.support import ROOT
from tests.support.execution import shape
from tests.support.releases.lives import LIVES
from tests.support.releases.play import INSTANCE_ID
from tests.support.replay import Replay, orchestrator_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FOLDER = ROOT / "tests/histories"


def record(version: str) -> list[Path]:
    """The files of every life, as this release plays it, are in the folder of that version.

    Raises:
        FileExistsError: that version has been recorded.
    """
    folder = FOLDER / version
    folder.mkdir(parents=True)
    files = []
    for name in LIVES:
        files.append(folder / f"{name}.json")
        files[-1].write_text(_text(recorded(name)), encoding="utf-8")
    return files


def recorded(name: str) -> dict[str, Any]:
    """The life as the registered orchestrator plays it now."""
    handle = orchestrator_of(create_app({}), "cancel-active-run")
    generations: list[dict[str, Any]] = []

    def recording(text: str) -> str:
        context, state_text = json.loads(text), handle(text)
        events, actions = context["history"], _shapes(state_text)
        if len(events) == FIRST_TURN:
            generations.append({"input": context["input"], "turns": []})
        generations[-1] |= {"events": events, "actions": actions}
        generations[-1]["turns"].append({"events": len(events), "actions": len(actions)})
        return state_text

    calls: dict[str, int] = {}

    def answer(step: str, _: Any) -> Any:
        calls[step] = calls.get(step, -1) + 1
        said = LIVES[name].answer(step, calls[step])
        if isinstance(said, Exception):
            raise said
        return said

    ended = Replay(recording, answer, INSTANCE_ID, twice=False).run(LIVES[name].input())
    return {"life": name, "generations": generations, "output": ended.output}


FIRST_TURN = 2  # events: the turn has begun, the execution has started


def prefixes(history: dict[str, Any]) -> Iterator[tuple[str, list[list[Any]], bool]]:
    """Each turn that was taken: what the extension handed over, what is to be scheduled, whether it was the last."""
    for generation in history["generations"]:
        turns = generation["turns"]
        past = History(generation["input"], generation["events"], [turn["events"] for turn in turns])
        for number, turn in enumerate(turns):
            last = generation is history["generations"][-1] and number == len(turns) - 1
            yield past.context(INSTANCE_ID, number), generation["actions"][: turn["actions"]], last


def differing(history: dict[str, Any], turn: Callable[[str], str]) -> list[str]:
    """Every prefix that ``turn`` replays otherwise than it was, in words; and what the output has otherwise."""
    found = []
    for number, (context, actions, last) in enumerate(prefixes(history)):
        try:
            state = turn(context)
        except Exception as error:  # noqa: BLE001  # whatever a replay raises would fail the instance
            found.append(f"turn {number} raises {str(error)[:500]}")
            continue
        now = _shapes(state)
        if now != actions:
            found.append(f"turn {number} schedules {now[-3:]}, it was {actions[-3:]}")
        elif last:
            output = json.loads(state)["output"]
            # a newer release may tell more
            found += [
                f"{key} is {output.get(key)!r}, it was {value!r}"
                for key, value in history["output"].items()
                if output.get(key) != value
            ]
    return found


def _shapes(state_text: str) -> list[list[Any]]:
    actions = json.loads(state_text)["actions"]
    return [list(shape(action)) for action in actions[0]] if actions else []


def _text(history: dict[str, Any]) -> str:
    """JSON with a line for each event, to be looked at."""
    line = json.JSONEncoder(ensure_ascii=False).encode
    generations = ",\n".join(
        "\n".join(
            [
                '{"input": ' + line(generation["input"]) + ",",
                '"events": [',
                ",\n".join(line(event) for event in generation["events"]),
                "],",
                '"turns": ' + line(generation["turns"]) + ",",
                '"actions": ' + line(generation["actions"]) + "}",
            ]
        )
        for generation in history["generations"]
    )
    life, output = line(history["life"]), line(history["output"])
    return f'{{"life": {life},\n"generations": [\n{generations}\n],\n"output": {output}}}\n'
