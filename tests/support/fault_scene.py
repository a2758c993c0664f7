"""One cell of the fault matrix as a scene of its own: an app, its workspace, its vault, and one thing that is wrong."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
from aiohttp import web

from local_host.background import LOOPBACK
from local_host.emulators.key_vault import KeyVault
from local_host.emulators.run_life import Life, Row
from local_host.emulators.workspace import JobsApi
from tests.support import fault_table
from tests.support.app_settings import with_short_waits
from tests.support.fault_answers import ACCESS_TOKEN, RUN_ID, fault_of
from tests.support.the_token import SECRET, TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_host.background import BackgroundServers
    from local_host.emulators.certificates import Certificates
    from local_host.emulators.key_vault import ManagedIdentity
    from local_host.host import LocalHost

SHORT_WAIT, MIDDLE_WAIT, LONG_WAIT = 4, 8, 60  # seconds
A_LOADED_MACHINE = 30.0  # seconds on top of what the settings allow


def activity_seconds(timeout: float) -> float:
    """The longest that one takes, with that HTTP timeout: the token, a call, and both again where it was refused."""
    return 4 * timeout


@dataclass
class Seen:
    """How a cell came out, and every text that was said on the way."""

    outcome: str
    code: str
    cancel: str
    times_met: int
    told: list[str]


class Scene:
    """A fault at one call of one cancellation.

    ``lasts`` says that it never passes, ``tls`` that the workspace is reached over TLS, as the vault always is.
    """

    def __init__(
        self,
        call: str,
        fault: str,
        *,
        lasts: bool,
        tls: bool,
        servers: BackgroundServers,
        certificates: Certificates,
        identity: ManagedIdentity,
        start_host: Callable[..., LocalHost],
    ) -> None:
        self.call, self.fault, self.lasts = call, fault, lasts
        self._servers, self._identity = servers, identity
        # where nothing hangs a call is not given up, however loaded the machine is: it would be another fault
        self._timeout = 2.5 if fault in {fault_table.HANG, *fault_table.DRIPS} else 10.0
        self.workspace = JobsApi(TOKEN)
        self.workspace.app.middlewares.append(self._going_away)
        context = certificates.server_context() if tls else None
        self._workspace_port = servers.serve(self.workspace.app, tls=context)
        self.vault = KeyVault(identity)
        self._vault_port = servers.serve(self.vault.app, tls=certificates.server_context())
        self.vault.set_secret(SECRET, TOKEN)
        self._arrange()
        workspace = f"{'https' if tls else 'http'}://{LOOPBACK}:{self._workspace_port}"
        vault = f"https://{LOOPBACK}:{self._vault_port}"
        self.host = start_host(with_short_waits(workspace, vault) | {"HTTP_TIMEOUT_SECONDS": str(self._timeout)})

    def play(self) -> Seen:
        """The cancellation has ended, within the time that its settings allow."""
        # told to come back in thirty years, it comes back at the deadline
        wait = MIDDLE_WAIT if self.fault == fault_table.HUGE_RETRY_AFTER else LONG_WAIT
        wait = SHORT_WAIT if self.lasts else wait
        give_up = time.monotonic() + wait + 2 * activity_seconds(self._timeout) + A_LOADED_MACHINE
        run_id = self.workspace.add_run(
            Life(after_cancel=(Row("TERMINATED", result="CANCELED", message="Run cancelled."),)), run_id=RUN_ID
        )
        order = {"runId": run_id, "waitTimeoutSeconds": wait}
        accepted = requests.post(f"{self.host.url}/api/cancel-active-run", json=order, timeout=A_LOADED_MACHINE)
        told = [accepted.text]
        while True:
            looked = requests.get(accepted.headers["Location"], timeout=A_LOADED_MACHINE)
            told.append(looked.text)
            if looked.status_code != 202:
                break
            if not self.lasts and self._was_met(looked.json()["progress"]):
                self._heal()
            assert time.monotonic() < give_up, "it does not end in the time that the settings allow"
            time.sleep(0.05)
        self._release()
        told += [str(instance) for instance in self.host.engine.instances()]
        told.append(self.host.engine.history(f"prod-{run_id}"))
        result: dict[str, Any] = looked.json()
        tried = self.workspace.count("cancel") or "cancelRun" in told[-1]
        cancel = fault_table.REFUSED if tried else fault_table.NEVER
        if result["cancels"]:
            cancel = fault_table.ACCEPTED if '"accepted": true' in told[-1] else fault_table.UNKNOWN
        return Seen(result["outcome"], (result["error"] or {}).get("code", ""), cancel, self._times_met(), told)

    # -- what is wrong -----------------------------------------------------------------------------------------------

    def _arrange(self) -> None:
        if self.fault != fault_table.REFUSED_CONNECTION:
            faults, operation = self._where()
            faults.fail(operation, fault_of(self.fault, self.call), times=None)
            if self.call == "identity endpoint":
                self._identity.issued.add(ACCESS_TOKEN)
        elif self.call in {"identity endpoint", "Key Vault", "readRun"}:
            self._servers.run(self._servers.refuse(self._port()))

    def _heal(self) -> None:
        if self.fault != fault_table.REFUSED_CONNECTION:
            faults, operation = self._where()
            faults.heal(operation)
        elif self._servers.run(self._servers.refuses(self._port())):
            self._servers.run(self._servers.accept(self._port()))

    def _release(self) -> None:
        self._heal()
        self.workspace.faults.release()
        self.vault.faults.release()

    def _times_met(self) -> int:
        """How often the fault was met; a refused connection meets nobody."""
        faults, operation = self._where()
        return 1 if self.fault == fault_table.REFUSED_CONNECTION else faults.met[operation]

    def _was_met(self, progress: dict[str, Any]) -> bool:
        """The orchestration has had an answer to the call that is disturbed, and not only to another before it."""
        counted = ("retries", "polls") if self.call == "pollRun" else ("retries", "cancels")
        return self._times_met() > 0 and any(progress.get(number) for number in counted)

    def _where(self) -> tuple[Any, str]:
        return {
            "identity endpoint": (self._identity.faults, f"token for https://0.0.1:{self._vault_port}"),
            "Key Vault": (self.vault.faults, "secret"),
            "readRun": (self.workspace.faults, "get before cancel"),
            "cancelRun": (self.workspace.faults, "cancel"),
            "pollRun": (self.workspace.faults, "get after cancel"),
        }[self.call]

    def _port(self) -> int:
        identity = int(self._identity.url.rpartition(":")[2])
        return {"identity endpoint": identity, "Key Vault": self._vault_port}.get(self.call, self._workspace_port)

    @web.middleware
    async def _going_away(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """The workspace stops listening before it answers the call that comes before the one to be refused."""
        response: web.StreamResponse = await handler(request)
        last = {"cancelRun": "runs/get", "pollRun": "runs/cancel"}.get(self.call)
        if self.fault == fault_table.REFUSED_CONNECTION and last and request.path.endswith(last):
            if not self._gone:
                self._gone = True
                await self._servers.refuse(self._workspace_port)
            response.force_close()
        return response

    _gone = False
