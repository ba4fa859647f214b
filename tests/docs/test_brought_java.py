"""The Java that set-up installs: its shim and its trust store."""

import datetime
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from cryptography.x509.oid import NameOID
from tools.java import authorities, shim, trust_options


@pytest.fixture(scope="module")
def company() -> bytes:
    """Return a company's certificate authority, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Company CA")])
    then = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    unsigned = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    unsigned = unsigned.serial_number(7).not_valid_before(then).not_valid_after(then.replace(year=2036))
    return unsigned.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def test_the_shim_removes_one_argument_and_keeps_the_others(tmp_path: Path) -> None:
    java = tmp_path / "a folder" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\nprintf '%s\\0' \"$@\"\n")
    java.chmod(0o755)
    (tmp_path / "shim").write_text(shim(java, ["-Dstore=a b"]))
    odd = ["-cp", "x y", "", "it's", '"$HOME"', "line\nline", "*", "--add-modules=java.sql"]
    spark = [*odd[:3], "--add-modules=jdk.incubator.vector", *odd[3:]]
    said = subprocess.run(["sh", tmp_path / "shim", *spark], capture_output=True, text=True, check=True).stdout
    assert said.split("\0")[:-1] == ["-Dstore=a b", *odd]


def test_the_trust_store_holds_the_authorities_of_the_machine(company: bytes, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(b"# Company CA\n" + company + b"\n# again\n" + company)
    store = tmp_path / "a store.p12"
    options = trust_options(store, {"SSL_CERT_FILE": str(bundle)})
    assert options[0] == f"-Djavax.net.ssl.trustStore={store}"
    kept = pkcs12.load_pkcs12(store.read_bytes(), None).additional_certs
    assert [entry.certificate.subject.rfc4514_string() for entry in kept] == ["CN=Company CA"] * 2


def test_an_invalid_certificate_does_not_affect_the_others(company: bytes) -> None:
    broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    assert len(list(authorities(broken + company + broken))) == 1
