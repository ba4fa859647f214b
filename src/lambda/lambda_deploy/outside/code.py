"""Store the archives of the function's code in the bucket, each under its SHA-256, and remember the last deployment.

The deployed archive and the one before it stay, for `deploy --previous`. Others are removed when they are older than a
day, so that a deployment in progress keeps its archive.
"""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, Final

from lambda_deploy import names
from lambda_deploy.aws import Clients, found
from lambda_deploy.config import Config
from lambda_deploy.errors import UnfitError
from lambda_deploy.explain import explained

_DAY: Final = 86_400


@dataclass(frozen=True)
class Deployed:
    """What was deployed: enough to deploy it again."""

    template: dict[str, Any]
    parameters: dict[str, str]
    tags: dict[str, str]


def key_of(config: Config, zipped: bytes) -> str:
    """Return the key of an archive of code."""
    return names.code_key(config, sha256(zipped).hexdigest())


def has_code(config: Config, clients: Clients, key: str) -> bool:
    """Return whether the bucket has this archive."""
    with explained(f"looking for s3://{config.bucket}/{key}"):
        return found(clients("s3").head_object, Bucket=config.bucket, Key=key) is not None


def upload_code(config: Config, clients: Clients, zipped: bytes) -> None:
    """Store an archive of code, unless the bucket has it."""
    key = key_of(config, zipped)
    if not has_code(config, clients, key):
        with explained(f"uploading the code to s3://{config.bucket}/{key}"):
            clients("s3").put_object(Bucket=config.bucket, Key=key, Body=zipped, ContentType="application/zip")


def remember(config: Config, clients: Clients, deployed: Deployed) -> None:
    """Remember what is deployed now, for `deploy --previous` after the next deployment."""
    body = json.dumps(asdict(deployed)).encode()
    with explained(f"writing s3://{config.bucket}/{_previous_key(config)}"):
        clients("s3").put_object(Bucket=config.bucket, Key=_previous_key(config), Body=body)


def remembered(config: Config, clients: Clients) -> Deployed | None:
    """Return what was deployed before, or None."""
    with explained(f"reading s3://{config.bucket}/{_previous_key(config)}"):
        answer = found(clients("s3").get_object, Bucket=config.bucket, Key=_previous_key(config))
        content = None if answer is None else answer["Body"].read()
    if content is None:
        return None
    try:
        return Deployed(**json.loads(content))
    except (ValueError, TypeError) as error:
        raise UnfitError(
            f"s3://{config.bucket}/{_previous_key(config)} is not valid: delete it, and deploy the older code from "
            "its own checkout"
        ) from error


def remove_old_code(config: Config, clients: Clients, keep: Collection[str], now: float) -> list[str]:
    """Remove archives older than a day, except those to keep; return their keys. `now` is in seconds."""
    with explained(f"removing old code from s3://{config.bucket}/{names.code_prefix(config)}"):
        gone = [
            entry["Key"]
            for entry in _listed(config, clients)
            if entry["Key"].endswith(".zip")
            and entry["Key"] not in keep
            and entry["LastModified"].timestamp() < now - _DAY
        ]
        _remove(config, clients, gone)
    return gone


def remove_all_code(config: Config, clients: Clients) -> None:
    """Remove all archives of the stack, and the record of the last deployment."""
    with explained(f"removing the code from s3://{config.bucket}/{names.code_prefix(config)}"):
        _remove(config, clients, [entry["Key"] for entry in _listed(config, clients)])


def _previous_key(config: Config) -> str:
    return f"{names.code_prefix(config)}previous.json"


def _listed(config: Config, clients: Clients) -> list[dict[str, Any]]:
    pages = clients("s3").get_paginator("list_objects_v2")
    listed = found(lambda: list(pages.paginate(Bucket=config.bucket, Prefix=names.code_prefix(config))))
    return [entry for page in listed or [] for entry in page.get("Contents", [])]


def _remove(config: Config, clients: Clients, keys: list[str]) -> None:
    for key in keys:
        clients("s3").delete_object(Bucket=config.bucket, Key=key)
