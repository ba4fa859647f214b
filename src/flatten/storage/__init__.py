"""Where files are: a directory (a `/Volumes/...` path is one) or a prefix of a bucket."""

from flatten.errors import LocationError
from flatten.storage.bucket import open_bucket
from flatten.storage.directory import Directory
from flatten.storage.location import S3A, Location


def open_location(text: str) -> Location:
    """Return the location that `absolute` named. Raises LocationError for a scheme that is not supported."""
    if text.startswith(S3A):
        return open_bucket(text)
    if "://" in text:
        raise LocationError(f"{text}: files can be moved in directories, /Volumes/... paths and s3a://bucket/prefix.")
    return Directory(text)
