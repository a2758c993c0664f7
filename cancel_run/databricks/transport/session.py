"""A session of ``requests`` that keeps deadlines and nothing else: no cookie, no redirect, no .netrc.

It is built out of the pieces that requests and urllib3 offer for replacement, so that TLS, proxies and the pools of
connections stay theirs.
"""

from __future__ import annotations

import ssl
from http import HTTPStatus
from http.client import HTTPResponse
from http.cookiejar import DefaultCookiePolicy
from ipaddress import ip_address
from socket import gaierror
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidProxyURL
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError, ProtocolError
from urllib3.util import parse_url

from cancel_run.databricks.transport.deadline import seconds_left
from cancel_run.databricks.transport.sockets import connect, tls_context

if TYPE_CHECKING:
    from socket import socket

CONNECTIONS = 32  # kept open to a host, as many as a worker has threads: of requests' own ten, the others connect anew
_CONNECT_SECONDS = 60.0  # where nobody says how long


class StaleConnectionError(OSError):
    """The other side had closed the connection before it was used again, as every server may at any time."""


class _FinalAnswer(HTTPResponse):
    """What comes after the interim answers: http.client skips a 100 alone, and servers may send others (RFC 9110)."""

    def _read_status(self) -> tuple[str, int, str]:
        version, status_code, reason = super()._read_status()  # type: ignore[misc]  # typeshed does not have it
        interim = HTTPStatus.SWITCHING_PROTOCOLS < status_code < HTTPStatus.OK
        return version, HTTPStatus.CONTINUE if interim else status_code, reason


class _Connecting(HTTPConnection):
    """Connects within the deadline, and tells a connection that was closed under it from a failed call."""

    response_class = _FinalAnswer
    _heard_before = 0

    def _new_conn(self) -> socket:
        # a shorter timeout for this one connection counts too: Azure's client tries an address that may be nobody's
        limits = [seconds for seconds in (seconds_left(), self.timeout) if seconds is not None]
        try:
            return connect(self._dns_host, self.port, self.socket_options or (), min(limits, default=_CONNECT_SECONDS))
        except gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"Connection to {self.host} timed out.") from error
        except OSError as error:
            raise NewConnectionError(self, f"Failed to establish a new connection: {error}") from error

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._heard_before = self._heard(self.sock)
        try:
            super().request(*args, **kwargs)
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:  # (without TLS urllib3 goes on to read the answer)
            if self._heard_before:
                raise StaleConnectionError from error
            raise

    def getresponse(self) -> Any:
        used = self.sock  # whoever reads closes it on errors
        try:
            return super().getresponse()
        except (ConnectionError, ssl.SSLEOFError) as error:
            if self._heard_before and self._heard(used) == self._heard_before:
                raise StaleConnectionError from error
            raise

    @staticmethod
    def _heard(connection: Any) -> int:
        """How many bytes it has brought: none means that it has not answered a request yet."""
        return getattr(connection, "received", 0)


class _TlsConnecting(_Connecting, HTTPSConnection):
    """The same for TLS."""

    def connect(self) -> None:
        if self.ssl_context is None:
            self.ssl_context = tls_context()
        if self.proxy_config is not None and self.proxy_config.ssl_context is None:
            # a proxy that itself speaks TLS: trusted as the host is
            context = tls_context()
            context.load_verify_locations(self.ca_certs, self.ca_cert_dir)
            self.proxy_config = self.proxy_config._replace(ssl_context=context)
        super().connect()


class _Pool(HTTPConnectionPool):
    """Connections to one host; a request that meets a stale one is sent once more, on a new one."""

    ConnectionCls = _Connecting

    def urlopen(self, *args: Any, **kwargs: Any) -> Any:
        """The answer.

        To send it twice is safe for a cancel too, not only because nothing was heard of the first: the workspace treats
        a second cancel of a run as the first.
        """
        try:
            return super().urlopen(*args, **kwargs)
        except ProtocolError as error:
            if not isinstance(error.args[-1], StaleConnectionError):
                raise
        # the place of the one that failed is the next to be taken, and it is empty: a new connection
        return super().urlopen(*args, **kwargs)


class _TlsPool(_Pool, HTTPSConnectionPool):
    """The same for TLS."""

    ConnectionCls = _TlsConnecting


class _Adapter(HTTPAdapter):
    """Requests' own, with these pools."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        if not proxy.lower().startswith(("http:", "https:")):
            raise InvalidProxyURL("The proxy must be one of http or https.")  # another would bring its own connections
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
        return manager


class Session(requests.Session):
    """Requests' own, without a memory and without a will: it sends what it is given to where it is told."""

    def __init__(self, *, connections: int = CONNECTIONS) -> None:
        super().__init__()
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.auth = _as_it_is
        for scheme in ("https://", "http://"):
            self.mount(scheme, _Adapter(pool_maxsize=connections))

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002
        """None: redirects are not followed, and where they lead to, which may be nonsense, is not even looked at."""
        return None

    def merge_environment_settings(self, url: Any, *args: Any, **kwargs: Any) -> Any:
        """The environment's certificates, and its proxy for what a proxy may carry."""
        settings = super().merge_environment_settings(url, *args, **kwargs)
        if not takes_a_proxy(str(url)):
            settings["proxies"] = {}
        return settings


def takes_a_proxy(url: str) -> bool:
    """True for https to another machine.

    Plain http would show the proxy the token; loopback and link-local addresses (the identity endpoint) are this
    machine's own and mean another one to a proxy.
    """
    parts = parse_url(url)  # by the parser of the library that connects: another one might see another host
    host = (parts.host or "").strip("[]").rstrip(".")
    try:
        address = ip_address(host)
    except ValueError:
        return parts.scheme == "https" and host != "localhost" and not host.endswith(".localhost")
    return parts.scheme == "https" and not address.is_loopback and not address.is_link_local


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """An authentication that adds nothing: where there is one, requests looks for none in a .netrc file."""
    return request
