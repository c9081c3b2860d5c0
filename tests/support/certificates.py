"""Certificates that nobody has vouched for, for servers on loopback."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from .keys import private_key


def write_certificate(path: Path, *, address: str = "127.0.0.1", age: timedelta = timedelta(0)) -> Path:
    """A certificate for `address`, signed by itself, and its key, in one file; valid for two days around `age` ago."""
    key = private_key("ES256", "tls")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    middle = datetime.now(UTC) - age
    alternatives = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(middle - timedelta(days=1))
        .not_valid_after(middle + timedelta(days=1))
        .add_extension(alternatives, critical=False)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(built.public_bytes(Encoding.PEM) + private)
    return path


def build_context(certificate: Path) -> ssl.SSLContext:
    """What a server needs to speak TLS with it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
