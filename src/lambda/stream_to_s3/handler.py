"""The function that Lambda calls: `stream_to_s3.handler.handler`. `delivery` shows how a batch is processed.

A cold start reads the settings and makes the clients, once. It raises an invalid setting: the function does not start,
and the stream keeps the records.
"""

import logging
import os
import sys
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from stream_to_s3.delivery import Context, Delivery
from stream_to_s3.errors import SettingsError
from stream_to_s3.metrics import Log
from stream_to_s3.objects import ObjectWriter
from stream_to_s3.outcome import AfterWrite, without_trigger
from stream_to_s3.settings import TriggerSettings, read_settings

# Bounded, so that a put fails well within the function's 60 seconds and the batch is delivered again.
_S3 = Config(connect_timeout=2, read_timeout=8, retries={"mode": "standard", "total_max_attempts": 3})
_FOR_SECRETS = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2})


def _started(environment: Mapping[str, str]) -> Delivery:
    settings = read_settings(environment)
    # At DEBUG, botocore logs headers and bodies: the role's session token, secrets, the tokens of STS.
    logging.getLogger("botocore").setLevel(logging.WARNING)
    log = Log(_printed, time.time, environment.get("AWS_LAMBDA_FUNCTION_NAME", "stream_to_s3"))
    if settings.trigger_problem:
        log.line("ERROR", "the trigger is off", error=settings.trigger_problem)
    try:
        s3 = boto3.client("s3", config=_S3)
    except (BotoCoreError, ValueError) as error:  # its text may hold what stands before the @ of an address
        raise SettingsError(f"AWS_ENDPOINT_URL or AWS_REGION cannot be used: {type(error).__name__}") from None
    writer = ObjectWriter(s3, settings.bucket, settings.kms_key_id, time.sleep)
    trigger = settings.trigger
    after_write = _trigger(trigger, environment) if trigger else without_trigger(settings.trigger_problem)
    return Delivery(settings, writer, after_write, log, time.time)


def _printed(line: str) -> None:
    sys.stdout.write(line)


def _trigger(settings: TriggerSettings, environment: Mapping[str, str]) -> AfterWrite:
    from stream_to_s3.auth import CachedToken, FederatedRole, StoredSecret, TokenSource
    from stream_to_s3.rest import WorkspaceApi
    from stream_to_s3.sts import Sts, regional_url
    from stream_to_s3.trigger import Trigger

    api = WorkspaceApi(settings.host, time.time, time.sleep)
    source: TokenSource
    if settings.client_id:
        session = boto3.Session()
        region = session.region_name or ""
        sts = Sts(regional_url(region, environment), region, session.get_credentials)
        source = FederatedRole(settings.client_id, api, sts, time.time)
    else:
        secrets = partial(boto3.client, "secretsmanager", config=_FOR_SECRETS)
        source = StoredSecret(settings.secret_id or "", api, secrets, time.time)
    return Trigger(api, CachedToken(source, time.time), settings.job_id, time.time).after_write


_delivery = _started(os.environ)


def handler(event: object, context: Context) -> dict[str, list[Any]]:
    """Store a batch of the stream and return the partial batch response. Raises as Delivery does.

    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
    """
    return _delivery(event, context)
