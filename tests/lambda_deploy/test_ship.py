"""plan, deploy and destroy on the console: what they print, ask, end with, and never show."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from moto.moto_api._internal.models import moto_api_backend

from lambda_deploy.cli import run
from support.aws_account import (
    BUCKET,
    EVERYTHING,
    FUNCTION,
    SECRET,
    TABLE,
    Account,
    write_bundle,
)
from support.aws_drifts import function
from support.captured import Said

Asked = Callable[[], Said]
Fail = Callable[..., None]


@pytest.fixture
def empty(moto_of_module: Account, tmp_path: Path) -> Account:
    """An account with nothing in it."""
    moto_api_backend.reset()
    moto_of_module.calls.clear()
    return Account(moto_of_module.clients, tmp_path, moto_of_module.calls)


@pytest.fixture
def fresh(empty: Account) -> Account:
    """An account with the table, whose stream is off, and nothing else."""
    empty.create_table()
    return empty


@pytest.fixture
def fail(empty: Account) -> Iterator[Fail]:
    """Has a call such as iam.GetRole fail so often."""
    events: list[tuple[str, str]] = []

    def register(call: str, error: BaseException, times: int = 1_000) -> None:
        left = [error] * times

        def failed(**_: Any) -> None:
            if left:
                raise left.pop()

        events.append((call.partition(".")[0], f"before-call.{call}"))
        empty.clients(events[-1][0]).meta.events.register(events[-1][1], failed, unique_id="fail")

    yield register
    for service, event in events:
        empty.clients(service).meta.events.unregister(event, unique_id="fail")


def aws_error(code: str, message: str = "") -> ClientError:
    """An error as AWS answers it."""
    return ClientError({"Error": {"Code": code, "Message": message}}, "Any")


def writings(account: Account) -> list[str]:
    """The calls that changed something."""
    reads = ("Get", "List", "Describe", "Head")
    return [call for call in account.calls if not call.partition(".")[2].startswith(reads)]


# What is printed


def test_a_plan_shows_what_is_made_and_ends_with_0_or_2(fresh: Account, said: Asked) -> None:
    assert fresh.run("plan") == 0
    out = said().out
    assert f"+ create bucket {BUCKET}\n" in out
    assert "    MemorySize: 512\n" in out
    assert f"! the stream of {TABLE} is off" in out
    assert out.endswith("target prod, eu-west-1 of account 123456789012: 17 to create, 0 to update, 0 to delete\n")
    assert "\x1b" not in out
    assert fresh.run("plan", "--detailed-exitcode") == 2


def test_a_plan_shows_old_and_new_values(fresh: Account, said: Asked) -> None:
    fresh.deploy(fresh.config())
    function(Timeout=3, MemorySize=256)(fresh.clients)
    assert fresh.run("plan") == 0
    out = said().out
    assert f"~ update function {FUNCTION}\n    MemorySize: 256 -> 512\n    Timeout: 3 -> 60\n" in out


class Terminal(StringIO):
    """Where colours are shown."""

    def isatty(self) -> bool:
        return True


def test_a_plan_is_colourful_on_a_terminal_only(fresh: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    assert fresh.run("plan") == 0
    assert "\x1b[32m+ create bucket" in terminal.getvalue()
    terminal.truncate(0)
    assert run(["plan", "--bundle", str(write_bundle(fresh.folder))], fresh.tools(NO_COLOR="1")) == 0
    assert "+ create bucket" in terminal.getvalue()
    assert "\x1b" not in terminal.getvalue()


def test_a_plan_as_json(fresh: Account, said: Asked) -> None:
    assert fresh.run("plan", "--json", "--detailed-exitcode") == 2
    printed = json.loads(said().out)
    assert set(printed) == {"changes", "notes", "leaves"}
    change = next(each for each in printed["changes"] if each["kind"] == "log group")
    assert (change["action"], change["name"]) == ("create", f"/aws/lambda/{FUNCTION}")
    assert {"path": "retention_days", "old": None, "new": 30} in change["differences"]


def test_a_deployment_shows_its_steps_and_a_second_plan_is_empty(fresh: Account, said: Asked) -> None:
    assert fresh.run("deploy", "--yes") == 0
    shown = said()
    assert f"creating the function {FUNCTION}\n" in shown.err
    assert shown.out.endswith("of account 123456789012: deployed\n")
    fresh.run("plan")
    # moto drops EventBridgeConfiguration.
    assert "0 to create, 1 to update, 0 to delete" in said().out


def test_a_deployment_and_a_removal_as_json(fresh: Account, said: Asked) -> None:
    assert fresh.run("deploy", "--yes", "--json") == 0
    assert len(json.loads(said().out)["changes"]) == 17
    assert fresh.run("destroy", "--yes", "--json") == 0
    printed = json.loads(said().out)
    assert {change["action"] for change in printed["changes"]} == {"delete"}
    assert len(printed["leaves"]) == 2


@pytest.mark.parametrize("command", ["deploy", "destroy"])
def test_json_without_yes_is_wrong_usage(fresh: Account, said: Asked, command: str) -> None:
    assert fresh.run(command, "--json") == 64
    assert "so it needs --yes" in said().err


# What is asked


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_without_a_yes_nothing_is_done(
    fresh: Account, said: Asked, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    fresh.deploy(fresh.config())
    fresh.calls.clear()
    for command in ("deploy", "destroy"):
        monkeypatch.setattr("sys.stdin", StringIO(answer))
        assert fresh.run(command) == 1
        assert said().err.endswith("Aborted.\n")
    assert writings(fresh) == []


def test_a_yes_is_enough(fresh: Account, said: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", StringIO("y\n"))
    assert fresh.run("deploy") == 0
    assert "Do this? [y/N]" in said().err


def test_ctrl_c_says_that_the_same_command_goes_on(fresh: Account, said: Asked, fail: Fail) -> None:
    fail("iam.PutRolePolicy", KeyboardInterrupt())
    assert fresh.run("deploy", "--yes") == 130
    assert "stopped; nothing is lost: the same command goes on from here" in said().err


def test_ctrl_c_at_the_question_ends_as_ctrl_c_does(
    fresh: Account, said: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(StringIO):
        def readline(self, *_: Any) -> Any:
            raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin", Interrupted())
    fresh.calls.clear()
    assert fresh.run("deploy") == 130
    assert said().err.endswith("Aborted.\n")
    assert writings(fresh) == []


# The end of a deployment


def test_a_deployment_ends_with_a_test_event_unless_told_not_to(fresh: Account, said: Asked) -> None:
    tested: list[str] = []
    tools = replace(fresh.tools(), smoke_test=lambda config, clients: tested.append(config.target))
    path = str(write_bundle(fresh.folder))
    assert run(["deploy", "--bundle", path, "--yes", "--no-smoke-test"], tools) == 0
    assert tested == []
    assert run(["deploy", "--bundle", path, "--yes"], tools) == 0
    assert tested == ["prod"]


# The secret


def test_the_secret_comes_from_standard_input_and_is_shown_nowhere(
    fresh: Account, said: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(SECRET.reveal()))
    assert fresh.run("deploy", "--yes", "--secret-stdin", lambda_starts_job=True) == 0
    fresh.run("plan", "--json", lambda_starts_job=True)
    shown = said()
    assert "5ecre7" not in shown.out + shown.err
    stored = fresh.clients("secretsmanager").get_secret_value(SecretId=f"{FUNCTION}/databricks")["SecretString"]
    assert json.loads(stored) == json.loads(SECRET.reveal())


def test_a_new_secret_replaces_the_old_one(fresh: Account, said: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh.deploy(fresh.config(lambda_starts_job=True))
    monkeypatch.setattr("sys.stdin", StringIO('{"token": "dapi-5ecre7"}'))
    assert fresh.run("deploy", "--yes", "--secret-stdin", lambda_starts_job=True) == 0
    assert f'~ update secret {FUNCTION}/databricks\n    value: "(hidden)" -> "(hidden, new)"\n' in said().out
    stored = fresh.clients("secretsmanager").get_secret_value(SecretId=f"{FUNCTION}/databricks")["SecretString"]
    assert json.loads(stored) == {"token": "dapi-5ecre7"}


def test_without_a_value_or_a_terminal_nothing_is_made(
    fresh: Account, said: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(""))
    fresh.calls.clear()
    assert fresh.run("deploy", "--yes", lambda_starts_job=True) == 64
    assert "the secret needs a value: give it as JSON with --secret-stdin" in said().err
    assert writings(fresh) == []


def test_the_secret_is_asked_for_on_a_terminal_unseen(fresh: Account, said: Asked) -> None:
    asked: list[tuple[str, bool]] = []

    def ask(text: str, hidden: bool) -> str:
        asked.append((text, hidden))
        return "dose-5ecre7" if hidden else "client-1"

    path = str(write_bundle(fresh.folder, lambda_starts_job=True))
    assert run(["deploy", "--yes", "--bundle", path], replace(fresh.tools(), ask=ask)) == 0
    assert [hidden for _, hidden in asked] == [False, True]
    stored = fresh.clients("secretsmanager").get_secret_value(SecretId=f"{FUNCTION}/databricks")["SecretString"]
    assert json.loads(stored) == {"client_id": "client-1", "client_secret": "dose-5ecre7"}
    assert run(["deploy", "--yes", "--bundle", path], replace(fresh.tools(), ask=ask)) == 0
    assert len(asked) == 2


def test_a_secret_on_standard_input_leaves_nobody_to_ask(fresh: Account, said: Asked) -> None:
    fresh.calls.clear()
    assert fresh.run("deploy", "--secret-stdin", lambda_starts_job=True) == 64
    assert "so it needs --yes" in said().err
    assert fresh.calls == []


def test_a_secret_that_nobody_needs_is_wrong_usage(fresh: Account, said: Asked) -> None:
    assert fresh.run("deploy", "--yes", "--secret-stdin") == 64
    assert "no secret is needed" in said().err


BAD_SECRETS = {
    "nothing": "",
    "not JSON": "dapi-5ecre7",
    "a list": '["dapi-5ecre7"]',
    "another field": '{"password": "5ecre7"}',
    "a field too many": '{"token": "5ecre7", "client_id": "x"}',
    "half": '{"client_id": "x-5ecre7"}',
    "a number": '{"token": 5}',
    "empty": '{"token": ""}',
    "a line break": '{"token": "5ecre7\\n"}',
    "5 MB": '{"token": "' + "5ecre7" * 900_000 + '"}',
    "beyond ASCII": '{"token": "5ecre7\u00e9"}',
}


@pytest.mark.parametrize("text", BAD_SECRETS.values(), ids=BAD_SECRETS)
def test_a_secret_of_another_form_is_refused_without_showing_it(
    fresh: Account, said: Asked, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(text))
    fresh.calls.clear()
    assert fresh.run("deploy", "--yes", "--secret-stdin", lambda_starts_job=True) == 1
    shown = said()
    assert shown.err.startswith("Error: the secret is not JSON of the form")
    assert "5ecre7" not in shown.out + shown.err
    assert fresh.calls == []


# What AWS refuses

REFUSED: dict[str, tuple[str, Exception, str]] = {
    "no credentials": (
        "sts.GetCallerIdentity",
        NoCredentialsError(),
        "no credentials of AWS were found: log in (such as `aws sso login`) or set AWS_PROFILE",
    ),
    "expired credentials": (
        "sts.GetCallerIdentity",
        aws_error("ExpiredToken", "The security token included in the request is expired"),
        "the credentials have expired: log in again",
    ),
    "unknown credentials": (
        "sts.GetCallerIdentity",
        aws_error("InvalidClientTokenId", "The security token included in the request is invalid."),
        "AWS does not know these credentials: check AWS_PROFILE",
    ),
    "a wrong clock": (
        "sts.GetCallerIdentity",
        aws_error("RequestTimeTooSkewed", "The difference is too large"),
        "the clock of this machine is wrong",
    ),
    "a region that there is not": (
        "dynamodb.DescribeTable",
        EndpointConnectionError(endpoint_url="https://dynamodb.eu-moon-1.amazonaws.com"),
        "check aws_region, AWS_ENDPOINT_URL and the network",
    ),
    "a region that is not enabled": (
        "sts.GetCallerIdentity",
        aws_error("OptInRequired"),
        "the account has not enabled this region or service",
    ),
    "no right to read": (
        "iam.GetRole",
        aws_error("AccessDenied", "User: arn:aws:iam::123456789012:user/jo is not authorized to perform: iam:GetRole"),
        "reading the role chargeminder-unified-processor-role: AccessDenied (User: arn:aws:iam::123456789012:user/jo",
    ),
    "a bucket of another account": ("s3.HeadBucket", aws_error("403", "Forbidden"), "belongs to another account, or"),
    "an answer in control characters": (
        "iam.GetRole",
        aws_error("Odd", "a\nb\x1b[31m" + "c" * 5_000_000),
        "reading the role chargeminder-unified-processor-role: Odd (a b",
    ),
}


@pytest.mark.parametrize(("call", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_what_aws_refuses_is_one_sentence_with_the_cure_and_nothing_is_made(
    fresh: Account, said: Asked, fail: Fail, call: str, error: Exception, message: str
) -> None:
    fail(call, error)
    fresh.calls.clear()
    assert fresh.run("deploy", "--yes") == 1
    shown = said()
    assert shown.out == ""
    assert message in shown.err
    assert shown.err.startswith("Error: ")
    assert shown.err.count("\n") == 1
    assert shown.err.strip().isprintable()
    assert len(shown.err) < 700
    assert writings(fresh) == []


def test_an_error_holds_nothing_that_a_terminal_obeys(
    fresh: Account, fail: Fail, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    fail("iam.GetRole", aws_error("Odd", "a\x1b[2J\u202eb"))
    assert fresh.run("plan") == 1
    path = str(write_bundle(fresh.folder).rename(fresh.folder / "\x1b[2J.yml"))
    assert run(["plan", "--bundle", path, "--target", "\x1b[2J"], fresh.tools()) == 1
    assert run(["plan", "--bundle", path], fresh.tools(BUNDLE_VAR_batch_size="0")) == 1
    assert [line.isprintable() for line in terminal.getvalue().splitlines()] == [True] * 3


def test_a_table_that_is_not_there_is_one_sentence(empty: Account, said: Asked) -> None:
    assert empty.run("deploy", "--yes") == 1
    assert said().err == (
        f"Error: there is no table '{TABLE}' in eu-west-1 of account 123456789012: "
        "check dynamodb_table, aws_region and the credentials\n"
    )
    assert writings(empty) == []


@pytest.mark.parametrize("command", ["plan", "deploy", "destroy"])
def test_a_wrong_target_or_file_is_one_sentence(fresh: Account, said: Asked, command: str) -> None:
    path = str(write_bundle(fresh.folder))
    assert run([command, "--bundle", path, "--target", "no\nsuch"], fresh.tools()) == 1
    assert said().err.endswith("has no target 'no\\nsuch'; it has: dev, prod\n")
    assert run([command, "--bundle", str(fresh.folder / "none.yml")], fresh.tools()) == 1
    assert "cannot be read: No such file or directory" in said().err


def test_throttling_of_a_plan_is_waited_out(fresh: Account, said: Asked, fail: Fail) -> None:
    fail("iam.GetRole", aws_error("Throttling", "Rate exceeded"), times=2)
    assert fresh.run("plan") == 0
    assert said().err.count("waiting for AWS") == 2


def test_hostile_text_from_the_account_is_shown_escaped(fresh: Account, said: Asked) -> None:
    fresh.deploy(fresh.config())
    function(Description="\x1b[2Jno `id` \u202eover")(fresh.clients)
    assert fresh.run("plan") == 0
    out = said().out
    assert "\x1b" not in out
    assert r'Description: "\u001b[2Jno `id` \u202eover" -> "chargeminder-car-telemetry to s3://' in out


@pytest.mark.parametrize("command", ["plan", "deploy", "destroy"])
def test_help_has_an_example(said: Asked, command: str) -> None:
    assert run([command, "--help"]) == 0
    assert f"Example: stream-lambda {command} --target" in said().out


def test_everything_can_be_destroyed_and_made_again(
    fresh: Account, said: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        monkeypatch.setattr("sys.stdin", StringIO(SECRET.reveal()))
        assert fresh.run("deploy", "--yes", "--secret-stdin", **EVERYTHING) == 0
        assert fresh.run("destroy", "--yes", **EVERYTHING) == 0
    assert fresh.run("destroy", "--yes", **EVERYTHING) == 0
    assert said().out.endswith("nothing to do\n")
