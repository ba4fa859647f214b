"""Download the jars that local Spark needs in addition to pyspark: exactly those of jars.txt, checked, once.

Spark's Ivy downloads them (https://spark.apache.org/docs/latest/submitting-applications.html). Our settings switch its
poms off, so that it takes the named jars without their dependencies: pyspark has those that Delta uses, and the Hadoop
3.4 client among them must not be mixed with pyspark's 3.5.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from flatten.errors import JarsError
from flatten.local.spark_settings import without_foreign

_IVY_SETTINGS = """\
<ivysettings>
  <settings defaultResolver="central"/>
  <resolvers><ibiblio name="central" m2compatible="true" usepoms="false"/></resolvers>
</ivysettings>
"""
_REASONS = (
    re.compile(r"Server access error at url \S+ \((.+)\)"),
    re.compile(r"RuntimeException: \[(.+)\]"),
    re.compile(r"(\S*(?:Exception|Error): .+)"),
)


@dataclass(frozen=True)
class Jar:
    """A jar by its Maven coordinates and the SHA-256 of its content, in hex."""

    group: str
    name: str
    version: str
    sha256: str

    @property
    def coordinates(self) -> str:
        return f"{self.group}:{self.name}:{self.version}"

    @property
    def file_name(self) -> str:
        return f"{self.name}-{self.version}.jar"

    def is_in(self, folder: Path) -> bool:
        """Return whether the folder has exactly this jar, by its digest."""
        path = folder / self.file_name
        return path.is_file() and _sha256(path) == self.sha256


def _known(of: str) -> tuple[Jar, ...]:
    """Read the jars of one set from jars.txt."""
    lines = Path(__file__).with_suffix(".txt").read_text().splitlines()
    rows = [re.split("[ :]", line) for line in lines if not line.startswith("#")]
    return tuple(Jar(group, name, version, sha256) for kind, group, name, version, sha256 in rows if kind == of)


DELTA = _known("delta")
S3A = _known("s3a")


def fetch(jars: Iterable[Jar], folder: Path, java_home: Path, ivy_settings: Path | None = None) -> list[Jar]:
    """Download the jars that the folder lacks, and return all; with all there, use no network.

    `ivy_settings` replaces ours, to use another repository. Each jar appears in the folder complete and checked, or not
    at all. Raises `JarsError`.
    """
    missing = [jar for jar in jars if not jar.is_in(folder)]
    if missing:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as scratch:
                here = Path(scratch).resolve()  # spark-submit runs in it
                _resolve(missing, here, java_home, ivy_settings and ivy_settings.resolve())
                for jar in missing:
                    _keep(jar, here, folder)
        except OSError as error:
            raise JarsError(
                f"The jars of Spark cannot be written to {folder}: {error.strerror}. Set FLATTEN_JARS to another."
            ) from error
    return missing


def _resolve(jars: list[Jar], scratch: Path, java_home: Path, ivy_settings: Path | None) -> None:
    """Let spark-submit resolve the jars before it runs a script that does nothing."""
    import pyspark

    (scratch / "ivysettings.xml").write_text(_IVY_SETTINGS)
    (scratch / "nothing.py").touch()
    spark_home = Path(pyspark.__file__).parent
    command = [str(spark_home / "bin" / "spark-submit"), "--master", "local[1]"]
    command += ["--conf", f"spark.jars.ivySettings={ivy_settings or scratch / 'ivysettings.xml'}"]
    command += [
        "--conf",
        f"spark.jars.ivy={scratch}",
        "--packages",
        ",".join(jar.coordinates for jar in jars),
    ]
    command += [str(scratch / "nothing.py")]
    environment = without_foreign(os.environ) | {"SPARK_HOME": str(spark_home), "JAVA_HOME": str(java_home)}
    environment |= {"SPARK_CONF_DIR": str(scratch), "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    answer = subprocess.run(command, env=environment, cwd=scratch, capture_output=True, text=True, check=False)  # noqa: S603 - pyspark's own
    if answer.returncode:
        raise JarsError(
            f"{', '.join(jar.file_name for jar in jars)}: not downloaded ({_reason(answer.stderr)}). Check the "
            "network and try again, or put the files into a folder and name it in FLATTEN_JARS."
        )


def _reason(complaint: str) -> str:
    """Return Ivy's error: the most specific of its lines."""
    found = (reason.search(complaint) for reason in _REASONS)
    return next((match[1] for match in found if match), "spark-submit failed without a message")


def _keep(jar: Jar, scratch: Path, folder: Path) -> None:
    """Move one resolved jar into the folder, if its digest is right."""
    fetched = scratch / "jars" / f"{jar.group}_{jar.file_name}"
    found = _sha256(fetched)
    if found != jar.sha256:
        raise JarsError(f"{jar.file_name} has the SHA-256 {found}, expected {jar.sha256}; it was not saved.")
    fetched.replace(folder / jar.file_name)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
