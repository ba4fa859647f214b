"""Whatever a library or the system raises ends a command with one sentence, which names the setting and its cure."""

import binascii
import configparser
from pathlib import Path
from typing import Any

import pytest
import yaml
from boto3.exceptions import Boto3Error, S3UploadFailedError
from botocore import exceptions as boto
from click import ClickException, FileError, UsageError
from databricks.sdk.errors import NotFound, PermissionDenied, Unauthenticated
from databricks.sdk.errors.base import DatabricksError
from requests import exceptions as http

from lambda_deploy.cli import run
from lambda_deploy.console import Tools
from lambda_deploy.errors import ConfigError, LambdaDeployError
from lambda_deploy.explain import explained
from support.aws_account import write_bundle
from support.fake_cloudformation import refused
from support.hostile import SECRETS

SIGNED = "https://jo:5ecre7@b/k?X-Amz-Credential=AKIA5ECRE7/x&X-Amz-Signature=5ecre7"

RAISED: dict[str, tuple[Exception, str]] = {
    # The base classes.
    "botocore": (boto.BotoCoreError(), "An unspecified error occurred"),
    "an answer of AWS": (refused("Odd", SIGNED), "Odd (https://(hidden)@"),
    "boto3": (Boto3Error(SIGNED), "https://(hidden)@"),
    "databricks-sdk": (DatabricksError(SIGNED), "https://(hidden)@"),
    "requests": (http.RequestException(SIGNED), "https://(hidden)@"),
    "PyYAML": (yaml.YAMLError(SIGNED), "a bug of stream-lambda, YAMLError at test_explain.py:"),
    "the file system": (OSError(28, "No space left on device", "x.zip"), "No space left on device (x.zip)"),
    "configparser": (configparser.Error(SIGNED), "a bug of stream-lambda, Error at test_explain.py:"),
    "Python": (ValueError(SIGNED), "a bug of stream-lambda, ValueError at test_explain.py:"),
    "a parser of bytes": (binascii.Error(SIGNED), "a bug of stream-lambda, Error at test_explain.py:"),
    # Those that users meet.
    "no credentials": (boto.NoCredentialsError(), "log in (such as `aws sso login`) or set AWS_PROFILE"),
    "an ended login": (boto.UnauthorizedSSOTokenError(), "the login has ended: log in again"),
    "an ended token": (refused("ExpiredTokenException", ""), "the credentials have expired: log in again"),
    "an unknown key": (refused("InvalidClientTokenId", SIGNED), "InvalidClientTokenId: AWS does not know these"),
    "an unknown profile": (boto.ProfileNotFound(profile="none"), "The config profile (none) could not be found: check"),
    "no right": (refused("AccessDenied", ""), "`stream-lambda template --deployer-policy` prints the required ones"),
    "no region": (boto.NoRegionError(), "check aws_region"),
    "an unknown region": (boto.EndpointConnectionError(endpoint_url=SIGNED), "check aws_region, AWS_ENDPOINT_URL"),
    "no proxy": (boto.ProxyConnectionError(proxy_url=SIGNED), "check HTTPS_PROXY and NO_PROXY"),
    "an unknown certificate": (
        boto.SSLError(endpoint_url=SIGNED, error=OSError()),
        "AWS_CA_BUNDLE or REQUESTS_CA_BUNDLE",
    ),
    "a broken file": (boto.ConfigParseError(path="~/.aws/config"), "correct ~/.aws/config, or the file in AWS_CONFIG"),
    "a value that AWS does not take": (boto.ParamValidationError(report=SIGNED), "ParamValidationError"),
    "a failed upload": (S3UploadFailedError(SIGNED), "https://(hidden)@"),
    "an unknown token": (Unauthenticated(SIGNED), "Unauthenticated"),
    "no right in the workspace": (PermissionDenied("no"), "no: ask an owner for the permission"),
    "nothing there": (NotFound("no such job"), "no such job"),
    "no certificate of the workspace": (http.SSLError("no"), "check the certificates"),
    "no proxy to the workspace": (http.ProxyError("no"), "check HTTPS_PROXY and NO_PROXY"),
    "no file": (FileNotFoundError(2, "No such file or directory", "x.json"), "No such file or directory (x.json)"),
    "no right to a file": (PermissionError(13, "Permission denied", "x.zip"), "Permission denied (x.zip)"),
}
CLICK = {"click": (ClickException("odd"), 1), "a file": (FileError("x", "odd"), 1), "usage": (UsageError("odd"), 64)}


def ending(folder: Path, raised: Exception, *options: str) -> int:
    """Run `plan` where the first call of AWS raises this."""

    def connect(region: str) -> Any:
        raise raised

    return run(["plan", *options, "--bundle", str(write_bundle(folder))], Tools({}, connect))


@pytest.mark.parametrize(("raised", "message"), RAISED.values(), ids=RAISED)
def test_an_error_that_nothing_expects_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], raised: Exception, message: str
) -> None:
    assert ending(tmp_path, raised) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n"), err.startswith("Error: ")) == ("", 1, True)
    assert message in err
    assert not SECRETS.search(err)


@pytest.mark.parametrize(("raised", "code"), CLICK.values(), ids=CLICK)
def test_what_click_raises_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], raised: Exception, code: int
) -> None:
    assert ending(tmp_path, raised) == code
    assert capsys.readouterr().err.splitlines()[-1].startswith("Error: ")


@pytest.mark.parametrize(("raised", "message"), RAISED.values(), ids=RAISED)
def test_an_error_within_a_call_says_what_was_being_done(raised: Exception, message: str) -> None:
    with pytest.raises(LambdaDeployError) as caught, explained("doing it"):
        raise raised
    assert str(caught.value).startswith("doing it: ")
    assert message in str(caught.value) or "a bug of" in message
    assert not SECRETS.search(str(caught.value))


def test_debug_shows_where_it_came_from_without_the_words_of_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    error = ConfigError("of ours")
    error.__cause__ = ValueError(f"5ecre7 {SIGNED}")
    assert ending(tmp_path, error, "--debug") == 1
    err = capsys.readouterr().err
    assert "\nConfigError\nError: of ours\n" in err
    assert "ValueError\n" in err
    assert 'test_explain.py", line' in err
    assert not SECRETS.search(err)


def test_debug_is_an_option_of_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["plan"], ["secret"], ["secret", "set"], ["doctor"]):
        assert run([*words, "--help"]) == 0
        assert "--debug" in capsys.readouterr().out


YAMLS = {
    "a number without digits": ('!!int ""', "is not YAML"),
    "a truth that is none": ("!!bool odd", "is not YAML"),
    "a time that is none": ("!!timestamp odd", "is not YAML"),
    "a line with a secret": ("5ecre7: 5ecre7: x", "is not YAML: line "),
}


@pytest.mark.parametrize(("value", "message"), YAMLS.values(), ids=YAMLS)
def test_whatever_yaml_raises_is_one_sentence_that_quotes_no_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], value: str, message: str
) -> None:
    path = write_bundle(tmp_path)
    path.write_text(f"{path.read_text()}odd: {value}\n")
    assert run(["plan", "--bundle", str(path)], Tools({})) == 1
    err = capsys.readouterr().err
    assert (message in err, err.count("\n"), SECRETS.search(err)) == (True, 1, None)


def test_a_folder_that_has_been_removed_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert run(["plan"], Tools({})) == 1
    assert (
        capsys.readouterr().err
        == "Error: looking at the current folder: No such file or directory: go to one that exists\n"
    )
