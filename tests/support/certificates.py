"""The certificates of a throw-away control plane, made in memory in a few milliseconds."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFETIME = datetime.timedelta(days=2)


@dataclass(frozen=True)
class Identity:
    """The files of one control plane."""

    authority: Path
    server_cert: Path
    server_key: Path
    admin_cert: Path
    admin_key: Path
    tokens_key: Path


def write_identity(folder: Path, *hosts: str) -> Identity:
    """Makes an authority, the API server's and an administrator's certificate, and the token key.

    The server's is also for `hosts`.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    identity = Identity(
        authority=folder / "ca.crt",
        server_cert=folder / "server.crt",
        server_key=folder / "server.key",
        admin_cert=folder / "admin.crt",
        admin_key=folder / "admin.key",
        tokens_key=folder / "tokens.key",
    )
    authority = _Authority()
    identity.authority.write_bytes(authority.certificate.public_bytes(serialization.Encoding.PEM))
    names = [
        x509.DNSName("localhost"),
        x509.DNSName("kubernetes.default.svc"),
        *map(x509.DNSName, hosts),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    authority.issue("kube-apiserver", "fairlead", names, identity.server_cert, identity.server_key)
    authority.issue("admin", "system:masters", [], identity.admin_cert, identity.admin_key)
    _write_key(identity.tokens_key, ec.generate_private_key(ec.SECP256R1()))
    return identity


class _Authority:
    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = _name("fairlead-tests", "fairlead")
        builder = _builder(self.name, self.name, self.key.public_key())
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        self.certificate = builder.add_extension(constraints, critical=True).sign(self.key, hashes.SHA256())

    def issue(
        self, common_name: str, organization: str, names: list[x509.GeneralName], cert: Path, key: Path
    ) -> None:
        """Writes a key and a certificate for it; with `names` for a server, without for a client."""
        own = ec.generate_private_key(ec.SECP256R1())
        usage = ExtendedKeyUsageOID.SERVER_AUTH if names else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = _builder(_name(common_name, organization), self.name, own.public_key())
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        signed = builder.sign(self.key, hashes.SHA256())
        cert.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        _write_key(key, own)


def _name(common_name: str, organization: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
        ]
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        # Clocks of virtual machines step; an hour of slack costs nothing.
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + _LIFETIME)
    )


def _write_key(file: Path, key: ec.EllipticCurvePrivateKey) -> None:
    file.touch(mode=0o600)
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            # The API server derives the public key that checks tokens from this form, not from PKCS #8.
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
