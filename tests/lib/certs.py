# SPDX-License-Identifier: Apache-2.0
"""Certificates as tests need them: authorities, and what they issue."""

import datetime
import ipaddress
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _address(host):
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


class Authority:
    """Signs certificates; everybody may read its own one, ca_file. Keys stay in the folder."""

    def __init__(self, folder, name):
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir(parents=True)
        self.name, self.key = _name(name), ec.generate_private_key(ec.SECP256R1())
        self.ca_file = self.folder / "ca.pem"
        now = datetime.datetime.now(datetime.timezone.utc)
        ca = self._build(self.name, self.key.public_key(), now - DAY, now + DAY).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.ca_file.write_bytes(self._signed(ca))

    def _build(self, subject, public_key, first, last):
        return x509.CertificateBuilder(self.name, subject, public_key, x509.random_serial_number(), first, last)

    def _signed(self, builder):
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def issue(self, name, hosts, expired=False):
        """(key file, certificate file) of a server that is reached by these names and addresses."""
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.timezone.utc)
        first, last = (now - 3 * DAY, now - 2 * DAY) if expired else (now - DAY, now + DAY)
        certificate = self._build(_name(name), key.public_key(), first, last).add_extension(
            x509.SubjectAlternativeName([_address(host) for host in hosts]), critical=False)
        key_file, certificate_file = self.folder / f"{name}.key", self.folder / f"{name}.pem"
        key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                               serialization.NoEncryption()))
        certificate_file.write_bytes(self._signed(certificate))
        return key_file, certificate_file
