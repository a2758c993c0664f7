"""A certificate authority of this process's own, because Azure's Key Vault client insists on https."""

from __future__ import annotations

import ssl
from pathlib import Path

import certifi
import trustme

from local_host.background import LOOPBACK


class Certificates:
    """Server certificates, and a bundle that lets clients trust them beside the public ones."""

    def __init__(self) -> None:
        self._authority = trustme.CA()

    def server_context(self, name: str = LOOPBACK) -> ssl.SSLContext:
        """What a server of that name needs to speak https."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(name).configure_cert(context)
        return context

    def write_bundle(self, path: Path, beside: str | None) -> None:
        """``path`` holds this authority and those in the bundle or folder at ``beside`` (else the public ones)."""
        known = Path(beside or certifi.where())
        files = sorted(file for file in known.iterdir() if file.is_file()) if known.is_dir() else [known]
        path.write_bytes(b"\n".join([*(file.read_bytes() for file in files), self._authority.cert_pem.bytes()]))
