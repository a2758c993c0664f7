"""A certificate authority of this process's own, because Azure's Key Vault client insists on https."""

from __future__ import annotations

import contextlib
import re
import ssl
from pathlib import Path

import certifi
import trustme

from local_host.background import LOOPBACK

LARGEST_FILE = 4 * 1024 * 1024  # bytes; a bundle of all that there are has a tenth of it
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")


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
        known = authorities(Path(beside)) if beside else [Path(certifi.where()).read_bytes()]
        path.write_bytes(b"\n".join([*known, self._authority.cert_pem.bytes()]))


def authorities(bundle: Path) -> list[bytes]:
    """The certificates, in PEM, that OpenSSL can read in a bundle, or in the files of a folder, whatever else is there.

    Raises:
        OSError: the bundle, or the folder, cannot be read.
    """
    if not bundle.is_dir():
        return _certificates(bundle)
    found: dict[bytes, None] = {}  # a folder has many of them under two names
    for file in sorted(bundle.iterdir()):
        with contextlib.suppress(OSError):  # a private key that lies beside them
            if file.is_file() and file.stat().st_size <= LARGEST_FILE:
                found.update(dict.fromkeys(_certificates(file)))
    return list(found)


def _certificates(file: Path) -> list[bytes]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    found = []
    for pem in _CERTIFICATE.findall(file.read_bytes()):
        with contextlib.suppress(ssl.SSLError, ValueError):
            context.load_verify_locations(cadata=pem.decode("ascii"))
            found.append(pem)
    return found
