"""Nothing that looks like a secret is printed, and a fault of ours is a sentence that says where it is."""

import sys
from collections.abc import Iterator
from io import BytesIO, TextIOWrapper

import click
import pytest

from flatten.cli import cli, main
from flatten.errors import hidden

TEXTS = {
    "a signed address": "GET https://b/k?X-Amz-Credential=5ecre7&X-Amz-Signature=5ecre7",
    "an address with a user": "s3a://jo:5ecre7/5ecre7@bucket/p",
    "an address with a token": "https://5ecre7@host/x",
    "a key id": "the key AKIA5ECRE75ECRE75ECR",
    "canonical headers": "x-amz-security-token:5ecre7 Bearer 5ecre7",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_text_is_shown_without_what_it_quotes(text: str) -> None:
    shown = hidden(text)
    assert "5ecre7" not in shown.lower()
    assert "(hidden)" in shown


def test_a_text_without_secrets_stays_as_it_is() -> None:
    assert hidden("s3a://bucket/a@b and /home/a@b:c") == "s3a://bucket/a@b and /home/a@b:c"


@pytest.fixture
def faulty() -> Iterator[None]:
    """A command that raises what nothing expects, and one that prints what the screen cannot show."""

    @cli.command("faulty")
    @click.option("--debug", is_flag=True, expose_value=False)
    def command() -> None:
        raise KeyError("5ecre7")

    @cli.command("shows")
    def shows() -> None:
        click.echo("\u00e9t\u00e9 \ud800")

    yield
    del cli.commands["faulty"], cli.commands["shows"]


@pytest.mark.usefixtures("faulty")
def test_a_fault_of_ours_is_a_sentence_and_debug_shows_where(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="1"):
        main(["faulty"])
    assert capsys.readouterr().err.startswith("flatten: A bug of flatten, KeyError at test_hidden.py:")
    with pytest.raises(SystemExit, match="1"):
        main(["faulty", "--debug"])
    err = capsys.readouterr().err
    assert 'test_hidden.py", line' in err
    assert "5ecre7" not in err.replace('raise KeyError("5ecre7")', "")


@pytest.mark.usefixtures("faulty")
def test_a_screen_of_few_letters_shows_what_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    written = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(written, encoding="latin-1"))
    main(["shows"])
    sys.stdout.flush()
    assert written.getvalue() == b"\xe9t\xe9 \\ud800\n"
