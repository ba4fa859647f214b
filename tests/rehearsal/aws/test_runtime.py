"""A zip under AWS's runtime client, as its caller sees it."""

import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.aws.runtime import Function
from rehearsal.errors import PayloadTooLargeError

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric exists for Linux only"),
]

HANDLERS = """
import os, sys, time
calls = 0
def count(event, context):
    global calls
    calls += 1
    print("call", calls, event)
    return {"calls": calls}
def context(event, context):
    left = context.get_remaining_time_in_millis()
    return {"id": context.aws_request_id, "arn": context.invoked_function_arn, "in_time": 0 < left <= 60_000}
def surroundings(event, context):
    return {"site": "site" in sys.modules, "environment": sorted(os.environ), "path": sys.path}
def fail(event, context):
    raise ValueError("no\\nsuch thing")
def crash(event, context):
    os._exit(3)
def hang(event, context):
    time.sleep(60) if event.get("hang") else None
def unserializable(event, context):
    return {1, 2}
"""


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    with zipfile.ZipFile(tmp_path / "function.zip", "w") as content:
        content.writestr("app.py", HANDLERS)
        content.writestr("broken.py", "raise RuntimeError('TELEMETRY_BUCKET is missing')")
    return tmp_path / "function.zip"


def function(archive: Path, handler: str, timeout: float = 60) -> Function:
    return Function(archive, handler, {"COLOUR": "blue"}, archive.parent, timeout)


@pytest.fixture
def count(archive: Path) -> Iterator[Function]:
    with function(archive, "app.count") as running:
        yield running


def test_the_first_call_is_cold_and_the_next_are_warm(count: Function) -> None:
    first, second = count.invoke({"a": 1}), count.invoke({"a": "\ud800"})
    assert (first.response, first.was_cold) == ({"calls": 1}, True)
    assert (second.response, second.was_cold) == ({"calls": 2}, False)
    assert first.printed == "call 1 {'a': 1}\n"
    assert second.printed == "call 2 {'a': '\\ud800'}\n"


def test_the_context_is_that_of_lambda(archive: Path) -> None:
    with function(archive, "app.context") as running:
        response = running.invoke({}).response
    assert response["in_time"] is True
    assert len(response["id"]) == 36
    assert response["arn"].startswith("arn:aws:lambda:")


def test_the_process_sees_only_the_zip_and_the_runtime(archive: Path) -> None:
    with function(archive, "app.surroundings") as running:
        response = running.invoke({}).response
    assert response["site"] is False
    assert "COLOUR" in response["environment"]
    assert not {"VIRTUAL_ENV", "PYTHONHOME", "PYTEST_CURRENT_TEST"} & set(response["environment"])
    assert not [folder for folder in response["path"] if "site-packages" in folder]


def test_an_exception_is_an_error_and_the_process_stays(archive: Path) -> None:
    with function(archive, "app.fail") as running:
        first, second = running.invoke({}), running.invoke({})
    assert first.error is not None
    assert (first.error["errorType"], first.error["errorMessage"]) == ("ValueError", "no\nsuch thing")
    assert first.response is None
    assert not second.was_cold


def test_a_crash_is_an_error_and_the_next_call_is_cold(archive: Path) -> None:
    with function(archive, "app.crash") as running:
        first, second = running.invoke({}), running.invoke({})
    assert first.error == {"errorType": "Runtime.ExitError", "errorMessage": "Runtime exited with error: exit status 3"}
    assert second.was_cold


def test_a_call_beyond_its_time_is_killed_and_the_next_is_cold(archive: Path) -> None:
    with function(archive, "app.hang", timeout=2) as running:
        first, second = running.invoke({"hang": True}), running.invoke({})
    assert first.error is not None
    assert first.error["errorType"] == "Sandbox.Timedout"
    assert first.error["errorMessage"].endswith("Task timed out after 2.00 seconds")
    assert (second.error, second.was_cold) == (None, True)


@pytest.mark.parametrize(
    ("handler", "error"),
    [
        ("app.nothing", "Runtime.HandlerNotFound"),
        ("nothing.handler", "Runtime.ImportModuleError"),
        ("broken.handler", "RuntimeError"),
        ("app.unserializable", "Runtime.MarshalError"),
    ],
)
def test_a_function_that_cannot_run_gives_the_error_of_lambda(archive: Path, handler: str, error: str) -> None:
    with function(archive, handler) as running:
        found = running.invoke({}).error
    assert found is not None
    assert found["errorType"] == error


def test_an_event_beyond_6_megabytes_is_refused(count: Function) -> None:
    with pytest.raises(PayloadTooLargeError, match="6,291,4"):
        count.invoke({"a": "x" * 6_291_450})
