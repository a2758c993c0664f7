"""Every call that leaves the app, with every fault, over real sockets and with the real Azure clients.

The table is in tests/support/fault_table.py. ``make test`` runs every fault and every call once, ``make soak`` each
cell.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.support import ROOT
from tests.support.fault_scene import Scene, Seen
from tests.support.fault_table import ACCEPTED, CALLS, DRIPS, MATRIX, REFUSED_CONNECTION, VERDICTS, markdown
from tests.support.secrets_sought import traces
from tests.support.the_token import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_host.background import BackgroundServers
    from local_host.emulators.certificates import Certificates
    from local_host.emulators.key_vault import ManagedIdentity
    from local_host.host import LocalHost

OF_THE_WORKSPACE = CALLS[2:]
AT_ONCE = 16  # cells; each has a host of its own and mostly waits
DOCS = ROOT / "docs/reliability.md"


@pytest.fixture
def scene(
    servers: BackgroundServers,
    certificates: Certificates,
    identity: ManagedIdentity,
    start_host: Callable[..., LocalHost],
) -> Callable[..., Scene]:
    return partial(Scene, servers=servers, certificates=certificates, identity=identity, start_host=start_host)


class Cell(NamedTuple):
    """A fault at a call that is given: whether it lasts, and whether the workspace is reached over TLS."""

    fault: str
    lasts: bool
    tls: bool = False


def cells_of(call: str, *, every: bool) -> list[Cell]:
    """The faults to try at the call, each once for a while and once for ever; a fifth of them where not every one.

    What drips does so over TLS, too: of the other two calls one always is, and the other never.
    """
    mine = [fault for number, fault in enumerate(MATRIX) if every or number % len(CALLS) == CALLS.index(call)]
    over_tls = [fault for fault in mine if fault in DRIPS and call in OF_THE_WORKSPACE]
    ways = [*((fault, False) for fault in mine), *((fault, True) for fault in over_tls)]
    return [Cell(fault, lasts, tls) for fault, tls in ways for lasts in (False, True)]


def wanted(call: str, fault: str, *, lasts: bool) -> tuple[str, str, str]:
    """What the table says: the outcome, the code of the error, what becomes of the cancel."""
    name, code = MATRIX[fault][call]
    verdict = VERDICTS[name]
    if lasts or verdict.passes == "rejected":
        return verdict.lasts, code, verdict.cancel
    return verdict.passes, "", ACCEPTED


@pytest.mark.soak
@pytest.mark.parametrize("call", CALLS)
def test_every_fault_has_the_outcome_that_the_table_states_and_no_secret_gets_out(
    call: str,
    soak: bool,
    tally: Callable[[str, int], None],
    scene: Callable[..., Scene],
    identity: ManagedIdentity,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)

    def play(cell: Cell) -> Seen:
        return scene(call, cell.fault, lasts=cell.lasts, tls=cell.tls).play()

    cells = cells_of(call, every=soak)
    # the identity endpoint is the process's own: who refuses there is refused by all
    alone = [cell for cell in cells if cell.fault == REFUSED_CONNECTION and call == "identity endpoint"]
    together = [cell for cell in cells if cell not in alone]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        seen = dict(zip(together, pool.map(play, together), strict=True))
    seen |= {cell: play(cell) for cell in alone}

    right = {cell: wanted(call, cell.fault, lasts=cell.lasts) for cell in cells}
    differing = {
        cell: (one.outcome, one.code, one.cancel)
        for cell, one in seen.items()
        if (one.outcome, one.code, one.cancel) != right[cell]
    }
    assert differing == {}, {cell: right[cell] for cell in differing}
    assert [cell for cell, one in seen.items() if not one.times_met] == []

    out, err = capfd.readouterr()
    told = "\n".join([text for one in seen.values() for text in one.told] + [out, err, caplog.text])
    found = traces([TOKEN, identity.header, *identity.issued], told)
    assert found == []
    tally("faults tried, of the matrix", len(cells))
    tally("traces of a secret", len(found))


def test_the_table_in_the_docs_is_the_one_that_is_tested() -> None:
    assert markdown() in DOCS.read_text(encoding="utf-8")
