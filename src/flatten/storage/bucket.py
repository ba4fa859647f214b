"""Move files in a prefix of an S3 bucket, `s3a://bucket/prefix`, where Spark runs outside Databricks.

Spark reads through Hadoop's S3A; files are moved here, by boto3, which finds credentials, region and endpoint like
every AWS tool. Every write is conditional (`If-None-Match: *`), so the second of two writers gets an error:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

import errno
import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import cache
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from flatten.errors import LocationError
from flatten.events.timestamps import micros_of
from flatten.storage.location import S3A, Barred, Stat, listed
from flatten.storage.s3_errors import as_os_error

_PIECE = 1024 * 1024
_IN_MEMORY = 16 * 1024 * 1024
_CONNECTIONS = 16
_LONGEST_KEY = 1024
_KEYS_A_CALL = 1000
_BEYOND_XML = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]").search
"""Finds what S3 takes in a key, and XML does not: Hadoop cannot read a listing with it, nor S3 a list to delete."""

_BEYOND_PATHS = re.compile(r"//|/\.\.?(/|\Z)").search
"""Finds parts of a key that Hadoop has no path for."""


_SETTINGS = "check AWS_ENDPOINT_URL, AWS_REGION and ~/.aws/config"
_SOURCES = "check credential_process in ~/.aws/config, AWS_PROFILE and AWS_CONTAINER_CREDENTIALS_FULL_URI"
_is_bucket = re.compile(r"[A-Za-z0-9._-]{1,255}").fullmatch


@cache
def s3_client(url: str) -> Any:
    """Return this process's S3 client for a bucket. Raises LocationError when none can be made."""
    try:
        import boto3
        from botocore.config import Config
    except ImportError:
        raise LocationError("s3a:// locations need boto3: install `flatten[s3]`.") from None
    try:
        with as_os_error("find credentials for", url, _SOURCES):
            session = boto3.Session()
            found = session.get_credentials()
            keys = found.get_frozen_credentials() if found else ()
        with as_os_error("connect to", url, _SETTINGS):
            client = session.client(
                "s3", config=Config(retries={"mode": "standard"}, max_pool_connections=_CONNECTIONS)
            )
    except OSError as wrong:
        raise LocationError(f"{url} cannot be used: {wrong.strerror}.") from wrong
    if not all("!" <= letter <= "~" for key in keys if key for letter in str(key)):
        raise LocationError("A key or token of AWS has a line end or another character that none has: set it again.")
    return client


def open_bucket(root: str) -> "Bucket":
    """Return the location of `s3a://bucket/prefix`. Raises LocationError when it names no bucket."""
    bucket = root.removeprefix(S3A).partition("/")[0]
    if not _is_bucket(bucket):
        raise LocationError(f"{root} names no bucket; write s3a://bucket/prefix.")
    return Bucket(root, s3_client(S3A + bucket))


@dataclass(frozen=True, slots=True)
class Bucket:
    """A prefix of a bucket. See Location for its methods; what S3 refuses is an OSError that names the call."""

    root: str
    client: Any = field(repr=False, compare=False)

    def names(self, barred: list[Barred] | None = None) -> Iterator[str]:
        """See Location. A key without bytes that ends in a slash stands for a folder, as S3's console makes one."""
        for name, size in self._keys(""):
            if (size or not f"/{name}".endswith("/")) and all(map(listed, name.split("/"))):
                yield name
            if barred is not None and (_BEYOND_XML(name) or _BEYOND_PATHS(f"/{name}")):
                barred.append((name, None))

    def open(self, name: str) -> IO[bytes]:
        """See Location."""
        with ExitStack() as unless_read:
            spooled: IO[bytes] = unless_read.enter_context(SpooledTemporaryFile(_IN_MEMORY))
            for piece in self._pieces(name):
                spooled.write(piece)
            spooled.seek(0)
            unless_read.pop_all()
        return spooled

    def sha256(self, name: str) -> str | None:
        """See Location."""
        if not self._is_key(name):
            return None
        digest = hashlib.sha256()
        try:
            for piece in self._pieces(name):
                digest.update(piece)
        except FileNotFoundError:
            return None
        return digest.hexdigest()

    def stat(self, name: str) -> Stat | None:
        """See Location."""
        try:
            with as_os_error("look at", self._url(name)):
                found = self.client.head_object(Bucket=self._bucket, Key=self._key(name))
        except FileNotFoundError:
            return None
        return Stat(int(found["ContentLength"]), micros_of(found["LastModified"]))

    def links(self, names: Iterable[str]) -> set[str]:  # a bucket has none
        """See Location."""
        return set()

    def take(self, name: str, content: IO[bytes]) -> None:
        """See Location."""
        if not self._is_key(name):
            raise FileExistsError(errno.ENAMETOOLONG, "a key of S3 has at most 1,024 bytes of UTF-8", self._url(name))
        with as_os_error("write", self._url(name)):
            self.client.put_object(Bucket=self._bucket, Key=self._key(name), Body=content, IfNoneMatch="*")

    def remove(self, name: str) -> None:
        """See Location."""
        with as_os_error("delete", self._url(name)):
            self.client.delete_object(Bucket=self._bucket, Key=self._key(name))

    def remove_tree(self, name: str) -> bool:
        """See Location."""
        below = f"{name}/" if name else ""
        names = [f"{below}{key}" for key, _ in self._keys(below)]
        for each in filter(_BEYOND_XML, names):
            self.remove(each)
        keys = [{"Key": self._key(each)} for each in names if not _BEYOND_XML(each)]
        for start in range(0, len(keys), _KEYS_A_CALL):
            with as_os_error("delete", self._url(name)):
                batch = {"Objects": keys[start : start + _KEYS_A_CALL], "Quiet": True}
                refused = self.client.delete_objects(Bucket=self._bucket, Delete=batch).get("Errors")
            if refused:
                raise OSError(errno.EIO, f"S3 refused to delete it ({refused[0]['Code']})", refused[0]["Key"])
        return bool(names)

    def read_text(self, name: str) -> str | None:
        """See Location."""
        try:
            with self.open(name) as file:
                return file.read().decode("utf-8", errors="replace")
        except FileNotFoundError:
            return None

    def check(self, role: str, *, to_write: bool) -> None:  # a write would have to be tried
        """See Location."""
        try:
            with as_os_error("list", self.root):
                self.client.list_objects_v2(Bucket=self._bucket, Prefix=self._key(""), MaxKeys=1)
        except OSError as wrong:
            raise LocationError(f"The {role} {self.root} cannot be read: {wrong.strerror}.") from None

    @property
    def _bucket(self) -> str:
        return self.root.removeprefix(S3A).partition("/")[0]

    def _key(self, name: str) -> str:
        prefix = self.root.removeprefix(S3A).partition("/")[2]
        return f"{prefix}/{name}" if prefix else name

    def _is_key(self, name: str) -> bool:
        """Return whether S3 takes a name; one of a file system may be longer, or no text."""
        key = self._key(name).encode(errors="surrogateescape")
        return len(key) <= _LONGEST_KEY and key.decode(errors="ignore").encode() == key

    def _url(self, name: str) -> str:
        return f"{self.root}/{name}"

    def _pieces(self, name: str) -> Iterator[bytes]:
        with as_os_error("read", self._url(name)), closing(self._body(name)) as body:
            yield from body.iter_chunks(_PIECE)

    def _body(self, name: str) -> Any:
        return self.client.get_object(Bucket=self._bucket, Key=self._key(name))["Body"]

    def _keys(self, below: str) -> Iterator[tuple[str, int]]:
        prefix = self._key(below)
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        with as_os_error("list", self._url(below)):
            for page in pages:
                for entry in page.get("Contents", ()):
                    yield entry["Key"].removeprefix(prefix), entry["Size"]
