"""Which kind of storage a location is in: a directory or a prefix of a bucket."""

from flatten.bucket import open_bucket
from flatten.directory import Directory
from flatten.errors import BadLocation
from flatten.storage import S3A, Location


def open_location(text: str) -> Location:
    """Return the location that `absolute` named. Raises BadLocation for a scheme that cannot be served."""
    if text.startswith(S3A):
        return open_bucket(text)
    if "://" in text:
        raise BadLocation(f"{text}: files can be moved in directories, /Volumes/... paths and s3a://bucket/prefix.")
    return Directory(text)
