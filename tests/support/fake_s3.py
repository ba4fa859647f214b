"""Simulate S3's PutObject as far as the Lambda uses it: strict, with faults on demand."""

import gzip
import hashlib
import json
from base64 import b64decode
from collections.abc import Iterable
from typing import Any

from botocore.exceptions import ClientError


def s3_error(status: int, code: str) -> ClientError:
    """Return the error that boto3 raises for an answer of S3."""
    answer: Any = {
        "Error": {"Code": code, "Message": "simulated"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, "PutObject")


class FakeS3:
    """Objects by key. The next calls raise the `faults`, one each; None lets a call through."""

    def __init__(self, faults: Iterable[Exception | None] = ()) -> None:
        self.requests: dict[str, dict[str, Any]] = {}
        self.calls = 0
        self._faults = iter(faults)

    def put_object(self, **request: Any) -> dict[str, Any]:
        """Store an object that does not exist yet, after checking its checksum."""
        self.calls += 1
        fault = next(self._faults, None)
        if fault is not None:
            raise fault
        digest = hashlib.sha256(request["Body"]).digest()
        if b64decode(request["ChecksumSHA256"]) != digest:
            raise s3_error(400, "BadDigest")
        if request.get("IfNoneMatch") == "*" and request["Key"] in self.requests:
            raise s3_error(412, "PreconditionFailed")
        self.requests[request["Key"]] = request
        return {"ResponseMetadata": {"HTTPStatusCode": 200}}

    def lines(self, prefix: str = "") -> list[dict[str, Any]]:
        """Return the lines of all objects under a prefix, parsed, in the order of their keys."""
        bodies = [
            gzip.decompress(self.requests[key]["Body"]) for key in sorted(self.requests) if key.startswith(prefix)
        ]
        return [json.loads(line) for body in bodies for line in body.decode().splitlines()]
