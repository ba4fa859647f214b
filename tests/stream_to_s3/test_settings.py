"""Environment variables: which invalid one stops the start, and which only switches the trigger off."""

import pytest

from stream_to_s3.errors import SettingsError
from stream_to_s3.settings import TriggerSettings, read_settings

BUCKET = {"TELEMETRY_BUCKET": "chargeminder-telemetry-raw"}
TRIGGER = {
    **BUCKET,
    "DATABRICKS_HOST": "https://dbc-12345678-90ab.cloud.databricks.com",
    "DATABRICKS_JOB_ID": "620135",
    "DATABRICKS_CLIENT_ID": "5f3c2f0e-0000-4000-8000-1d7c2c3a9b10",
}
HOSTILE = [
    "../",
    "a b",
    "telemetry\n",
    "`id`",
    pytest.param("x" * 5_000_000, id="5 MB"),
    "tele;drop/",
    '"',
    "\x00",
]


def test_the_bucket_is_enough() -> None:
    settings = read_settings(BUCKET)
    assert settings.bucket == "chargeminder-telemetry-raw"
    assert (settings.prefix, settings.quarantine_prefix) == ("telemetry/", "telemetry-quarantine/")
    assert (settings.kms_key_id, settings.trigger, settings.trigger_problem) == (None, None, None)
    assert settings.ttl_attribute == ""


@pytest.mark.parametrize("name", ["expires_at", "läuft ab", "a.b c", "x" * 255])
def test_the_attribute_of_the_time_to_live_is_any_printable_name(name: str) -> None:
    assert read_settings({**BUCKET, "TTL_ATTRIBUTE": name}).ttl_attribute == name


@pytest.mark.parametrize("name", ["a\nb", "\x00", "\ud83d", "é" * 128])
def test_a_wrong_attribute_of_the_time_to_live_stops_the_start(name: str) -> None:
    with pytest.raises(SettingsError, match=r"^TTL_ATTRIBUTE is .*at most 255 bytes$"):
        read_settings({**BUCKET, "TTL_ATTRIBUTE": name})


@pytest.mark.parametrize(
    "bucket", [None, "", "ab", "Upper-Case", "a..b", "-a-", "s3://bucket", "arn:aws:s3:::b", *HOSTILE]
)
def test_a_wrong_bucket_stops_the_start(bucket: str | None) -> None:
    with pytest.raises(SettingsError, match=r"^TELEMETRY_BUCKET is .*expected the name of an S3 bucket$") as caught:
        read_settings({"TELEMETRY_BUCKET": bucket} if bucket is not None else {})
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("name", ["TELEMETRY_PREFIX", "QUARANTINE_PREFIX"])
@pytest.mark.parametrize("prefix", ["", "/", "telemetry", "/telemetry/", "a//b/", "./a/", "a/../b/", "é/", *HOSTILE])
def test_a_wrong_prefix_stops_the_start(name: str, prefix: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{name} is .*one at the end$"):
        read_settings({**BUCKET, name: prefix})


@pytest.mark.parametrize("prefix", ["telemetry/", "jo/telemetry/", "date=1/", "_hidden/", "a.b/", "..a/"])
def test_a_prefix_ends_in_one_slash(prefix: str) -> None:
    assert read_settings({**BUCKET, "TELEMETRY_PREFIX": prefix}).prefix == prefix


@pytest.mark.parametrize("quarantine", ["telemetry/", "telemetry/quarantine/", "tele/"])
def test_the_two_prefixes_do_not_overlap(quarantine: str) -> None:
    landing = "tele/metry/" if quarantine == "tele/" else "telemetry/"
    with pytest.raises(SettingsError, match=r"^QUARANTINE_PREFIX .* overlap"):
        read_settings({**BUCKET, "TELEMETRY_PREFIX": landing, "QUARANTINE_PREFIX": quarantine})


KEYS = [
    "1234abcd-12ab-34cd-56ef-1234567890ab",
    "mrk-1234abcd12ab34cd56ef1234567890ab",
    "alias/telemetry",
    "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "arn:aws-us-gov:kms:us-gov-west-1:123456789012:alias/telemetry",
]


@pytest.mark.parametrize("key", KEYS)
def test_a_kms_key_is_an_id_an_arn_or_an_alias(key: str) -> None:
    assert read_settings({**BUCKET, "KMS_KEY_ID": key}).kms_key_id == key


def test_an_empty_kms_key_is_no_key() -> None:
    assert read_settings({**BUCKET, "KMS_KEY_ID": ""}).kms_key_id is None


@pytest.mark.parametrize("key", ["aws/s3", "1234", *HOSTILE])
def test_a_wrong_kms_key_stops_the_start(key: str) -> None:
    with pytest.raises(SettingsError, match=r"^KMS_KEY_ID is "):
        read_settings({**BUCKET, "KMS_KEY_ID": key})


def test_a_trigger_without_a_secret() -> None:
    assert read_settings(TRIGGER).trigger == TriggerSettings(
        "https://dbc-12345678-90ab.cloud.databricks.com", 620135, "5f3c2f0e-0000-4000-8000-1d7c2c3a9b10", None
    )


def test_a_trigger_with_a_secret() -> None:
    environment = {**TRIGGER, "DATABRICKS_CLIENT_ID": "", "DATABRICKS_SECRET_ID": "telemetry/databricks"}
    trigger = read_settings(environment).trigger
    assert trigger is not None
    assert (trigger.client_id, trigger.secret_id) == (None, "telemetry/databricks")


def test_a_host_may_end_in_a_slash() -> None:
    trigger = read_settings({**TRIGGER, "DATABRICKS_HOST": "https://adb-1.azuredatabricks.net/"}).trigger
    assert trigger is not None
    assert trigger.host == "https://adb-1.azuredatabricks.net"


WRONG_TRIGGERS = {
    "no scheme": ({"DATABRICKS_HOST": "dbc.cloud.databricks.com"}, "DATABRICKS_HOST is 'dbc"),
    "no encryption": ({"DATABRICKS_HOST": "http://dbc.cloud.databricks.com"}, "DATABRICKS_HOST is"),
    "a path": ({"DATABRICKS_HOST": "https://dbc.cloud.databricks.com/api"}, "DATABRICKS_HOST is"),
    "a user in the host": (
        {"DATABRICKS_HOST": "https://dbc.cloud.databricks.com@evil.example"},
        "DATABRICKS_HOST is",
    ),
    "a password in the host": (
        {"DATABRICKS_HOST": "https://token:dapi0123@dbc.cloud.databricks.com"},
        "DATABRICKS_HOST is 'dbc.cloud",
    ),
    "a letter that only looks like one": ({"DATABRICKS_HOST": "https://\u212aeeper.example.com"}, "DATABRICKS_HOST is"),
    "a query": ({"DATABRICKS_HOST": "https://dbc.cloud.databricks.com?o=1"}, "DATABRICKS_HOST is"),
    "a line end": ({"DATABRICKS_HOST": "https://dbc.cloud.databricks.com\n"}, "DATABRICKS_HOST is"),
    "no job": ({"DATABRICKS_JOB_ID": ""}, "DATABRICKS_JOB_ID is missing or empty"),
    "a job that is not a number": ({"DATABRICKS_JOB_ID": "flatten"}, "DATABRICKS_JOB_ID is 'flatten'"),
    "a job in other digits": ({"DATABRICKS_JOB_ID": "\u0661"}, "DATABRICKS_JOB_ID is"),
    "no identity": ({"DATABRICKS_CLIENT_ID": ""}, "neither is set"),
    "two identities": ({"DATABRICKS_SECRET_ID": "name"}, "both are set"),
    "an invalid client id": ({"DATABRICKS_CLIENT_ID": "a b"}, "DATABRICKS_CLIENT_ID is not"),
    "a secret instead of its name": (
        {"DATABRICKS_CLIENT_ID": "", "DATABRICKS_SECRET_ID": '{"token": "dapi0123"}'},
        "DATABRICKS_SECRET_ID is not the name",
    ),
}


@pytest.mark.parametrize(("change", "problem"), WRONG_TRIGGERS.values(), ids=WRONG_TRIGGERS)
def test_a_wrong_trigger_setting_switches_the_trigger_off(change: dict[str, str], problem: str) -> None:
    settings = read_settings({**TRIGGER, **change})
    assert settings.trigger is None
    assert settings.trigger_problem is not None
    assert problem in settings.trigger_problem
    assert "dapi0123" not in settings.trigger_problem


def test_a_line_end_in_an_error_is_escaped() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({"TELEMETRY_BUCKET": "a\nforged log line"})
    assert "\n" not in str(caught.value)
