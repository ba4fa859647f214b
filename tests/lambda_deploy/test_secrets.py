"""No source of credentials, however broken, comes into what `stream-lambda` prints, its traceback included."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lambda_deploy.aws import connect
from lambda_deploy.cli import run
from lambda_deploy.console import Tools
from lambda_deploy.errors import LambdaDeployError
from lambda_deploy.explain import traceback_of
from lambda_deploy.lakehouse import asked
from lambda_deploy.texts import hidden
from lambda_deploy.workspace import connect_workspace
from support.aws_account import write_bundle
from support.databricks_api import DatabricksApi
from support.hostile import NOWHERE, PLACES, SECRETS, Place, file, variables


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with nothing in it."""
    for name, value in {**NOWHERE, "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    return tmp_path


@pytest.fixture
def set_up(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Place], None]:
    """Make one of these places of this one."""

    def make(place: Place) -> None:
        for name, value in place(home).items():
            monkeypatch.setenv(name, value)

    return make


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_broken_credentials_end_a_command_at_once_with_a_sentence_without_them(
    home: Path, set_up: Callable[[Place], None], capsys: pytest.CaptureFixture[str], place: Place
) -> None:
    set_up(place)
    waited: list[float] = []
    tools = Tools({}, connect, sleep=waited.append)
    code = run(["plan", "--debug", "--bundle", str(write_bundle(home))], tools)
    out, err = capsys.readouterr()
    *_, last = err.splitlines()
    assert (code, waited, last.startswith("Error: ")) == (1, [], True)
    assert not SECRETS.search(out + err), err


CFG = ".databrickscfg"
NAMED = {"DATABRICKS_CONFIG_PROFILE": "here"}
WORKSPACES: dict[str, tuple[Place, str]] = {
    "a file without a section": (file(CFG, "token = dapi5ecre7\n", **NAMED), "correct ~/.databrickscfg"),
    "a token with a percent sign": (file(CFG, "[here]\ntoken = %5ecre7\n", **NAMED), "databricks auth login"),
    "a token twice": (file(CFG, "[here]\ntoken = 5ecre7\ntoken = 5ecre7\n", **NAMED), "correct ~/.databrickscfg"),
    "a line that is no setting": (file(CFG, "[here]\n5ecre7\n", **NAMED), "correct ~/.databrickscfg"),
    "a profile that does not exist": (file(CFG, "[there]\ntoken = 5ecre7\n", **NAMED), "has no here profile"),
    "a token with a line end": (variables(DATABRICKS_TOKEN="5ecre7\r\n"), "the token of Databricks has a line end"),
    "a token with a space": (variables(DATABRICKS_TOKEN="dapi 5ecre7\r\n"), "the token of Databricks has a line end"),
    "a token beyond ASCII": (variables(DATABRICKS_TOKEN="5ecre7\u20ac"), "databricks auth login"),
    "half an OAuth login": (variables(DATABRICKS_CLIENT_SECRET="5ecre7"), "databricks auth login"),
    "two ways to log in": (
        variables(DATABRICKS_TOKEN="5ecre7", DATABRICKS_USERNAME="jo", DATABRICKS_PASSWORD="5ecre7"),
        "databricks auth login",
    ),
    "a rate that is a word": (variables(DATABRICKS_TOKEN="5ecre7", DATABRICKS_RATE_LIMIT="odd"), "auth login"),
}


@pytest.mark.parametrize(("place", "message"), WORKSPACES.values(), ids=WORKSPACES)
def test_a_broken_login_of_databricks_is_a_sentence_without_it(
    home: Path, set_up: Callable[[Place], None], monkeypatch: pytest.MonkeyPatch, place: Place, message: str
) -> None:
    monkeypatch.setenv("PATH", str(home))
    set_up(place)
    with DatabricksApi() as api, pytest.raises(LambdaDeployError) as raised, asked("asking"):
        connect_workspace(api.url).current_user.me()
    assert message in str(raised.value)
    assert not SECRETS.search(f"{raised.value} {traceback_of(raised.value)}")


TEXTS = {
    "a signed address": "GET https://b/k?X-Amz-Credential=5ecre7&X-Amz-Signature=5ecre7",
    "an address with a user": "cannot reach https://jo:5ecre7@host:443/x",
    "an address with a token": "cannot reach https://5ecre7@host/x",
    "a key id": "the key AKIA5ECRE75ECRE75ECR",
    "a token of Databricks": "token dapi5ecre7ab5ecre7ab".replace("5ecre7", "0123abcd") + " Bearer 5ecre7",
    "a setting": "token=5ecre7 client_secret = 5ecre7",
    "JSON": '{"token": "5ecre7", "client_secret": "5ecre7"}',
    "canonical headers": "x-amz-security-token:5ecre7",
    "the value of a variable": "it is my-5ecre7-value",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_text_is_shown_without_what_it_quotes(text: str) -> None:
    shown = hidden(text, {"DATABRICKS_TOKEN": "my-5ecre7-value\n", "AWS_SESSION_TOKEN": "", "OTHER_TOKEN": "it"})
    assert not SECRETS.search(shown)
    assert "(hidden)" in shown


def test_a_text_without_secrets_stays_as_it_is() -> None:
    text = "the workspace does not accept the token: log in; https://host:443/a, s3://bucket/a@b, the secret x is set"
    assert hidden(text, {"HOME": "/root"}) == text
