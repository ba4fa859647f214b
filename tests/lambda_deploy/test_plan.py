"""The rules of a plan: what is compared, what is kept, what is refused, whose things are whose."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from moto.moto_api._internal.models import moto_api_backend

from lambda_deploy.errors import UnfitError
from lambda_deploy.plan import Difference, differences
from support.aws_account import BUCKET, EVERYTHING, FUNCTION, REGION, TABLE, Account, changed, session
from support.aws_drifts import LOG_GROUP, ROLE, TOPIC, arn, mapping_id
from support.aws_drifts import account as number_of


@pytest.fixture
def account(moto_of_module: Account, tmp_path: Path) -> Account:
    """An account with nothing in it."""
    moto_api_backend.reset()
    moto_of_module.calls.clear()
    return Account(moto_of_module.clients, tmp_path, moto_of_module.calls)


def kinds(account: Account, **variables: Any) -> list[str]:
    """What a plan would do, by kind; what moto forgets is left out."""
    changes = account.plan(account.config(**variables)).changes
    return [f"{change.action} {change.kind}" for change in changes if change.kind != "on-failure notice"]


COMPARED: dict[str, tuple[Any, Any, list[Difference]]] = {
    "equal": ({"a": 1, "b": [1]}, {"a": 1, "b": [1]}, []),
    "another value": ({"a": 1}, {"a": 2}, [Difference("a", 1, 2)]),
    "a new value": ({}, {"a": 2}, [Difference("a", None, 2)]),
    "a value that goes": ({"a": 1}, {}, [Difference("a", 1, None)]),
    "deeper": ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, [Difference("a.c", 2, 3)]),
    "a new branch": ({}, {"a": {"b": 1}}, [Difference("a.b", None, 1)]),
    "a branch that goes": ({"a": {"b": 1}}, {}, [Difference("a.b", 1, None)]),
    "an empty branch": ({}, {"a": {}}, [Difference("a", None, {})]),
    "a list as a whole": ({"a": [1, 2]}, {"a": [2, 1]}, [Difference("a", [1, 2], [2, 1])]),
    "a branch in place of a value": ({"a": 1}, {"a": {"b": 2}}, [Difference("a", 1, {"b": 2})]),
}


@pytest.mark.parametrize(("old", "new", "expected"), COMPARED.values(), ids=COMPARED)
def test_values_are_compared_by_their_paths(old: Any, new: Any, expected: list[Difference]) -> None:
    assert list(differences(old, new)) == expected


def test_a_plan_changes_nothing(account: Account) -> None:
    account.create_table()
    account.calls.clear()
    account.plan(account.config(**EVERYTHING))
    assert {call.partition(".")[2][:3] for call in account.calls} <= {"Get", "Lis", "Des", "Hea"}


# The stream


def test_a_stream_that_is_off_is_switched_on_and_that_is_said_first(account: Account) -> None:
    account.create_table()
    made = account.plan(account.config())
    assert f"create stream {TABLE}" in changed(made)
    assert made.notes[0].startswith(f"the stream of {TABLE} is off: it will be switched on as NEW_AND_OLD_IMAGES")


def test_a_stream_with_both_images_is_left_alone(account: Account) -> None:
    account.create_table("NEW_AND_OLD_IMAGES")
    before = account.clients("dynamodb").describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
    account.deploy(account.config())
    assert account.clients("dynamodb").describe_table(TableName=TABLE)["Table"]["LatestStreamArn"] == before
    assert "dynamodb.UpdateTable" not in account.calls


def test_a_stream_with_new_images_alone_is_used_with_a_warning(account: Account) -> None:
    account.create_table("NEW_IMAGE")
    made = account.plan(account.config())
    assert [note for note in made.notes if "has the view type NEW_IMAGE: it works, but" in note]
    account.deploy(account.config(), made)
    assert "dynamodb.UpdateTable" not in account.calls


@pytest.mark.parametrize("view_type", ["KEYS_ONLY", "OLD_IMAGE"])
def test_a_stream_without_new_images_is_refused_and_never_changed(account: Account, view_type: str) -> None:
    account.create_table(view_type)
    with pytest.raises(UnfitError, match=rf"has the view type {view_type}.*cannot be changed without losing"):
        account.deploy(account.config())
    assert [call for call in account.calls if call.startswith(("dynamodb.Up", "s3.Put", "s3.Cr", "iam.C"))] == []


def test_a_mapping_of_an_older_stream_is_kept_and_named(account: Account) -> None:
    """Its stream still holds up to a day of changes."""
    account.create_table()
    config = account.config()
    account.deploy(config)
    old = mapping_id(account.clients)
    account.clients("dynamodb").delete_table(TableName=TABLE)
    account.create_table("NEW_AND_OLD_IMAGES")
    made = account.deploy(config)
    assert "create mapping" in {f"{change.action} {change.kind}" for change in made.changes}
    assert [note for note in made.notes if f"the mapping {old} reads another stream" in note]
    mappings = account.clients("lambda").list_event_source_mappings(FunctionName=FUNCTION)["EventSourceMappings"]
    assert old in [mapping["UUID"] for mapping in mappings]
    assert len(mappings) == 2


# The bucket, which may serve others


@pytest.fixture
def shared(account: Account) -> Account:
    """An account whose bucket has settings of somebody else's."""
    account.create_table()
    s3 = account.clients("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    statement = {"Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": "*"}
    policy = {"Version": "2008-10-17", "Id": "theirs", "Statement": statement}
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": [{"Key": "owner", "Value": "fleet"}]})
    rule = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 9}}
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [rule]})
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    queue = {"Id": "theirs", "QueueArn": f"arn:aws:sqs:{REGION}:123456789012:q", "Events": ["s3:ObjectRemoved:*"]}
    account.clients("sqs").create_queue(QueueName="q")
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": [queue]})
    return account


def test_what_others_have_set_on_the_bucket_stays(shared: Account) -> None:
    config = shared.config(**EVERYTHING)
    shared.deploy(config)
    shared.destroy(config)
    s3 = shared.clients("s3")
    policy = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])
    assert (policy["Version"], policy["Id"]) == ("2008-10-17", "theirs")
    assert [statement["Sid"] for statement in policy["Statement"]] == ["Theirs", "TelemetryTlsOnly"]
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"]}
    assert tags["owner"] == "fleet"
    assert [rule["ID"] for rule in s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]] == ["theirs"]
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    [queue] = s3.get_bucket_notification_configuration(Bucket=BUCKET)["QueueConfigurations"]
    assert queue["Id"] == "theirs"


def test_nothing_of_the_bucket_is_weakened(shared: Account) -> None:
    """Whatever is blocked already stays blocked; the blocks that are missing are added."""
    s3 = shared.clients("s3")
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    shared.deploy(shared.config())
    assert set(s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"].values()) == {True}


def test_a_refusal_without_tls_by_somebody_else_is_enough(shared: Account) -> None:
    theirs = {
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [theirs]})
    shared.clients("s3").put_bucket_policy(Bucket=BUCKET, Policy=policy)
    shared.deploy(shared.config())
    statements = json.loads(shared.clients("s3").get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"]
    assert statements == [theirs]


def test_a_bucket_in_another_region_is_refused(account: Account) -> None:
    account.create_table()
    s3 = session().client("s3", region_name="us-west-2")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.close()
    with pytest.raises(UnfitError, match=r"is in us-west-2, the function in eu-west-1"):
        account.plan(account.config())


@pytest.mark.parametrize("key", ["id", "event_ID"])
def test_a_table_with_another_key_is_refused(account: Account, key: str) -> None:
    account.create_table(key=key)
    with pytest.raises(UnfitError, match=rf"is {key} \(HASH\), expected event_id alone"):
        account.plan(account.config())


def test_a_table_with_a_second_key_is_refused(account: Account) -> None:
    account.clients("dynamodb").create_table(
        TableName=TABLE,
        KeySchema=[
            {"AttributeName": "event_id", "KeyType": "HASH"},
            {"AttributeName": "recorded_at", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "event_id", "AttributeType": "S"},
            {"AttributeName": "recorded_at", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    with pytest.raises(UnfitError, match=r"is event_id \(HASH\), recorded_at \(RANGE\), expected event_id alone"):
        account.plan(account.config())


# Whose is what


def test_what_another_target_has_made_is_refused(account: Account) -> None:
    account.create_table()
    account.deploy(account.config("prod"))
    account.clients("lambda").tag_resource(
        Resource=arn(account.clients, "lambda", f"function:{FUNCTION}"), Tags={"target": "dev"}
    )
    with pytest.raises(UnfitError, match=rf"the function '{FUNCTION}' belongs to the target 'dev'"):
        account.plan(account.config("prod"))


def test_two_targets_share_the_bucket_and_nothing_else(account: Account) -> None:
    account.create_table()
    dev, prod = account.config("dev"), account.config("prod")
    account.deploy(dev)
    account.deploy(prod)
    assert [change.kind for change in account.plan(dev).changes] == ["on-failure notice"]
    assert [change.kind for change in account.plan(prod).changes] == ["on-failure notice"]
    account.destroy(dev)
    assert [change.kind for change in account.plan(prod).changes] == ["on-failure notice"]


def test_destroy_of_a_target_with_anothers_function_leaves_all_of_it(account: Account) -> None:
    """Such as prod and classic, of which only one can be deployed."""
    account.create_table()
    prod = account.config("prod", **EVERYTHING)
    account.deploy(prod)
    before = account.states(prod)
    assert account.destroy(replace(prod, target="classic")).changes == ()
    assert account.states(prod) == before


def test_destroy_leaves_and_names_what_the_tags_do_not_say_is_ours(account: Account) -> None:
    account.create_table()
    config = account.config()
    account.deploy(config)
    logs = account.clients("logs")
    logs.untag_resource(resourceArn=arn(account.clients, "logs", f"log-group:{LOG_GROUP}"), tagKeys=["project"])
    made = account.destroy(config)
    assert f"log group {LOG_GROUP}: its tags do not say that it is this target's" in made.leaves
    assert [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]] == [LOG_GROUP]


def test_a_function_that_somebody_made_by_hand_is_taken_over_and_that_is_shown(account: Account) -> None:
    account.create_table()
    iam = account.clients("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}},
    }
    role = iam.create_role(RoleName="theirs", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    account.clients("lambda").create_function(
        FunctionName=FUNCTION, Runtime="python3.12", Role=role, Handler="x.y", Code={"ZipFile": b"PK"}
    )
    lines = changed(account.plan(account.config()))
    assert f"update function {FUNCTION} Role" in lines
    assert f"update function {FUNCTION} tags.project" in lines


def test_addresses_that_others_have_subscribed_stay(account: Account) -> None:
    account.create_table()
    account.deploy(account.config(alert_email="a@example.com"))
    topic = arn(account.clients, "sns", TOPIC)
    account.clients("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="b@example.com")
    account.deploy(account.config(alert_email="c@example.com"))
    found = account.clients("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert sorted(entry["Endpoint"] for entry in found) == ["a@example.com", "b@example.com", "c@example.com"]


# What follows from other settings


def test_without_the_trigger_its_secret_and_its_alarm_go(account: Account) -> None:
    account.create_table()
    account.deploy(account.config(lambda_starts_job=True))
    assert kinds(account, lambda_starts_job=False) == [
        "delete secret",
        "update policy",
        "update function",
        "delete alarm",
        "update dashboard",
    ]
    account.deploy(account.config(lambda_starts_job=False))
    assert kinds(account, lambda_starts_job=False) == []


def test_with_an_application_id_no_secret_is_needed(account: Account) -> None:
    account.create_table()
    config = account.config(lambda_starts_job=True, lambda_client_id="0a1b-2c3d")
    account.deploy(config)
    variables = account.states(config)[f"function {FUNCTION}"]["environment"]
    assert variables["DATABRICKS_CLIENT_ID"] == "0a1b-2c3d"
    assert "DATABRICKS_SECRET_ID" not in variables
    assert account.clients("secretsmanager").list_secrets()["SecretList"] == []


def test_a_secret_that_waits_to_be_deleted_is_taken_back_with_its_new_value(account: Account) -> None:
    account.create_table()
    config = account.config(lambda_starts_job=True)
    account.deploy(config)
    account.destroy(config)
    account.deploy(config)
    manager = account.clients("secretsmanager")
    assert json.loads(manager.get_secret_value(SecretId=f"{FUNCTION}/databricks")["SecretString"])["client_id"]


def test_the_archive_rule_goes_when_files_are_kept_for_ever(account: Account) -> None:
    account.create_table()
    account.deploy(account.config(archive_retention_days=30))
    assert kinds(account, archive_retention_days=0) == ["delete archive lifecycle"]
    account.deploy(account.config(archive_retention_days=0))
    assert kinds(account, archive_retention_days=0) == []


def key_of(account: Account) -> str:
    """The ARN of a new KMS key."""
    found: str = account.clients("kms").create_key()["KeyMetadata"]["Arn"]
    return found


def use_key(account: Account, **variables: Any) -> Any:
    """The statement about keys in the policy as it is deployed; None without one."""
    config = account.config(**variables)
    account.deploy(config)
    return account.states(config)[f"policy {ROLE}/stream-to-s3"]["statements"].get("UseKey")


def test_without_a_key_the_function_may_use_none(account: Account) -> None:
    account.create_table()
    assert use_key(account) is None


def test_the_key_with_which_the_bucket_encrypts_may_be_used_through_s3(account: Account) -> None:
    account.create_table()
    key = key_of(account)
    s3 = account.clients("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rules: Any = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration=rules)
    assert use_key(account) == {
        "Effect": "Allow",
        "Action": ["kms:GenerateDataKey"],
        "Resource": [key],
        "Condition": {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}},
    }


def test_a_key_of_ours_may_be_named_by_its_alias(account: Account) -> None:
    account.create_table()
    key = key_of(account)
    account.clients("kms").create_alias(AliasName="alias/telemetry", TargetKeyId=key)
    assert use_key(account, kms_key_id="alias/telemetry")["Resource"] == [key]


def test_a_secret_in_a_variable_that_is_not_ours_is_not_shown(account: Account) -> None:
    account.create_table()
    account.deploy(account.config())
    variables = {"Variables": {"DATABRICKS_TOKEN": "dapi-5ecre7", "DATABRICKS_CLIENT_SECRET": "dose-5ecre7"}}
    account.clients("lambda").update_function_configuration(FunctionName=FUNCTION, Environment=variables)
    made = account.plan(account.config())
    assert "5ecre7" not in repr(made)
    assert f"update function {FUNCTION} environment.DATABRICKS_TOKEN" in changed(made)


def test_all_that_is_made_has_our_three_tags(account: Account) -> None:
    account.create_table()
    config = account.config(**EVERYTHING)
    account.deploy(config)
    untagged = {
        name.split(" ")[0]: state
        for name, state in account.states(config).items()
        if state is not None and set(state.get("tags", {})) != {"project", "target", "version"}
    }
    # Parts of something else: of the bucket, of the table, of the role.
    assert set(untagged) == {"archive", "stream", "policy"}
    assert number_of(account.clients) == "123456789012"
