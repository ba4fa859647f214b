"""When AWS refuses calls or does not answer, a command prints one sentence with a remedy."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from lambda_deploy.cli import run
from lambda_deploy.console import Tools
from support.aws_account import HOST, write_bundle
from support.captured import Said
from support.clock import Clock


def _refusal(code: str, message: str = "simulated") -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    return ClientError(answer, "Made")


FAULTS = {
    "expired token": (_refusal("ExpiredToken"), "the credentials have expired"),
    "unknown credentials": (_refusal("UnrecognizedClientException"), "AWS does not know these credentials"),
    "no credentials": (NoCredentialsError(), "no credentials of AWS were found"),
    "wrong region": (EndpointConnectionError(endpoint_url="https://s3.eu-nowhere-1.amazonaws.com"), "check aws_region"),
    "no right": (_refusal("AccessDeniedException"), "docs/reference/iam.md"),
    "hostile message": (_refusal("Odd", "\x1b[2J`'\n" + "x" * 5_000_000), "Odd"),
}
COMMANDS = {
    "status": [],
    "test-event": ["--no-table"],
    "redrive": ["--yes"],
    "migrate": [],
}


@pytest.fixture(scope="module")
def clients() -> Iterator[Callable[[Exception], Callable[[str], Any]]]:
    """Real clients whose calls all fail."""
    errors: list[Exception] = []
    with ExitStack() as opened:
        session = boto3.Session(region_name="eu-west-1", aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="x")

        def fail(**call: Any) -> None:
            raise errors[-1]

        @cache
        def client(service: str) -> Any:
            made: Any = session.client(service, config=Config(retries={"total_max_attempts": 1}))  # type: ignore[call-overload] # its name is a parameter
            made.meta.events.register("before-call", fail)
            opened.callback(made.close)
            return made

        def failing(error: Exception) -> Callable[[str], Any]:
            errors.append(error)
            return client

        yield failing


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_fault_of_aws_is_one_sentence_with_a_remedy(
    clients: Callable[[Exception], Callable[[str], Any]],
    tmp_path: Path,
    said: Callable[[], Said],
    command: str,
    fault: str,
) -> None:
    error, cure = FAULTS[fault]
    broken, clock = clients(error), Clock()
    tools = Tools({"DATABRICKS_HOST": HOST}, lambda region: broken, lambda host: None, clock, clock.sleep)
    code = run([command, "--bundle", str(write_bundle(tmp_path)), *COMMANDS[command]], tools)
    output = said()
    assert (code, output.out) == (1, "")
    assert output.err.startswith("Error: ")
    assert output.err.count("\n") == 1
    assert cure in output.err
    assert len(output.err) < 600


@pytest.mark.parametrize("fault", FAULTS)
def test_the_doctor_stops_when_aws_does_not_identify_the_caller(
    clients: Callable[[Exception], Callable[[str], Any]], tmp_path: Path, said: Callable[[], Said], fault: str
) -> None:
    error, cure = FAULTS[fault]
    broken = clients(error)
    tools = Tools({}, lambda region: broken, lambda host: None)
    assert run(["doctor", "--bundle", str(write_bundle(tmp_path)), "--target", "dev", "--json"], tools) == 1
    variables, first, *others = json.loads(said().out)["lines"]
    assert (variables["check"], variables["verdict"]) == ("variables", "ok")
    assert (first["check"], first["verdict"]) == ("credentials", "problem")
    assert cure in first["reason"]
    assert {line["check"]: line["verdict"] for line in others if line["verdict"] != "warning"} == {
        "other targets": "ok"
    }
