"""What boto3 raises ends in one sentence that names the setting, and no source of credentials comes into it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from boto3.exceptions import Boto3Error
from botocore import exceptions as boto

from flatten.cli import main
from flatten.storage.bucket import s3_client
from flatten.storage.s3_errors import as_os_error
from support.hostile import NOWHERE, PLACES, SECRETS, Place, variables

SIGNED = "https://jo:5ecre7@b/k?X-Amz-Credential=AKIA5ECRE7/x&X-Amz-Signature=5ecre7"


def refused(code: str) -> boto.ClientError:
    return boto.ClientError({"Error": {"Code": code, "Message": SIGNED}}, "Any")


RAISED: dict[str, tuple[Exception, str]] = {
    "botocore": (boto.BotoCoreError(), "could not list it (BotoCoreError)"),
    "boto3": (Boto3Error(SIGNED), "could not list it (Boto3Error)"),
    "an answer of S3": (refused("Odd"), "refused to list it (Odd)"),
    "Python": (ValueError(SIGNED), "could not list it (ValueError)"),
    "no credentials": (boto.NoCredentialsError(), "log in, or set AWS_PROFILE"),
    "an ended login": (boto.UnauthorizedSSOTokenError(), "log in again"),
    "an ended token": (refused("ExpiredToken"), "log in again"),
    "an unknown key": (refused("InvalidAccessKeyId"), "check AWS_PROFILE or the keys in the environment"),
    "no right": (refused("AccessDenied"), "their permissions on the bucket"),
    "no bucket": (refused("NoSuchBucket"), "check the name of the bucket"),
    "another region": (refused("PermanentRedirect"), "check AWS_REGION"),
    "a clock": (refused("RequestTimeTooSkewed"), "the clock of this machine is wrong"),
    "no proxy": (boto.ProxyConnectionError(proxy_url=SIGNED), "check HTTPS_PROXY and NO_PROXY"),
    "a certificate": (boto.SSLError(endpoint_url=SIGNED, error=OSError()), "check the certificates in AWS_CA_BUNDLE"),
    "no answer": (boto.EndpointConnectionError(endpoint_url=SIGNED), "AWS_ENDPOINT_URL, AWS_REGION and the network"),
    "a header": (boto.HTTPClientError(error=ValueError(SIGNED)), "AWS_ENDPOINT_URL, AWS_REGION and the network"),
}


@pytest.mark.parametrize(("raised", "message"), RAISED.values(), ids=RAISED)
def test_an_error_of_the_sdk_is_one_of_a_directory_that_names_the_setting(raised: Exception, message: str) -> None:
    with pytest.raises(OSError, match="S3 ") as caught, as_os_error("list", "s3a://b/p"):
        raise raised
    assert message in str(caught.value.strerror)
    assert caught.value.filename == "s3a://b/p"
    assert not SECRETS.search(str(caught.value))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """`flatten run --debug` on a source, at a place; its exit code and all that it prints."""

    def run_at(place: Place, source: str = "s3a://b/p") -> tuple[object, str]:
        for name, value in {**NOWHERE, "HOME": str(tmp_path), **place(tmp_path)}.items():
            monkeypatch.setenv(name, value)
        s3_client.cache_clear()
        places = {"archive": "s3a://b/q", "table": f"{tmp_path}/t/t", "state": f"{tmp_path}/s"}
        words = [word for name, where in {"source": source, **places}.items() for word in (f"--{name}", where)]
        with pytest.raises(SystemExit) as ended:
            main(["run", "--debug", *words])
        s3_client.cache_clear()
        return ended.value.code, "".join(capsys.readouterr())

    return run_at


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_broken_credentials_end_a_run_with_a_sentence_without_them(
    run: Callable[[Place], tuple[int, str]], place: Place
) -> None:
    code, said = run(place)
    *_, last = said.splitlines()
    assert (code, last.startswith("flatten: ")) == (2, True)
    assert not SECRETS.search(said), said


SETTINGS = {
    "an unknown profile": ({"AWS_PROFILE": "none"}, "(ProfileNotFound): check AWS_PROFILE"),
    "an endpoint that is a word": ({"AWS_ENDPOINT_URL": "here"}, "(ValueError): check AWS_ENDPOINT_URL"),
    "a file of settings that is none": ({"AWS_CONFIG_FILE": __file__}, "correct ~/.aws/config, or the file in AWS_CON"),
    "no credentials": ({}, "log in, or set AWS_PROFILE"),
}


@pytest.mark.parametrize(("given", "message"), SETTINGS.values(), ids=SETTINGS)
def test_a_wrong_setting_is_named(run: Callable[[Place], tuple[int, str]], given: dict[str, str], message: str) -> None:
    assert message in run(variables(**given))[1].splitlines()[-1]


@pytest.mark.parametrize("source", ["s3a://[::1/p", "s3a://jo:5ecre7@b/p", "s3a://jo:5ecre7/5ecre7@b/p", "s3a://b?x/p"])
def test_a_location_that_names_no_bucket_is_refused_without_a_key_in_it(run: Any, source: str) -> None:
    code, said = run(variables(), source)
    assert (code, "names no bucket; write s3a://bucket/prefix" in said) == (2, True)
    assert not SECRETS.search(said), said
