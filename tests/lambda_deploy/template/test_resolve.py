"""A template with its parameters replaced."""

import pytest

from lambda_deploy.template.resolve import pseudo_parameters, resolved

CONDITION = {"Fn::Not": [{"Fn::Equals": [{"Ref": "Key"}, ""]}]}
TEMPLATE = {
    "Parameters": {"Key": {"Type": "String", "Default": ""}, "Stream": {"Type": "String"}},
    "Conditions": {"HasKey": CONDITION},
    "Resources": {
        "Thing": {
            "Type": "A::B::C",
            "Properties": {
                "Stream": {"Ref": "Stream"},
                "Other": {"Ref": "Another"},
                "Arn": {"Fn::GetAtt": ["Another", "Arn"]},
                "Text": {"Fn::Sub": "arn:${AWS::AccountId}:${Another}:${Stream}"},
                "List": [1, {"Fn::If": ["HasKey", {"Ref": "Key"}, {"Ref": "AWS::NoValue"}]}],
                "Maybe": {"Fn::If": ["HasKey", "yes", {"Ref": "AWS::NoValue"}]},
            },
        }
    },
}
ACCOUNT = {"AWS::AccountId": "123456789012"}


def test_parameters_and_conditions_are_replaced() -> None:
    found = resolved(TEMPLATE, {"Key": "k", "Stream": "s"}, ACCOUNT)["Thing"]["Properties"]
    assert (found["Stream"], found["List"], found["Maybe"]) == ("s", [1, "k"], "yes")


def test_a_property_without_a_value_is_left_out() -> None:
    found = resolved(TEMPLATE, {"Stream": "s"}, ACCOUNT)["Thing"]["Properties"]
    assert found["List"] == [1]
    assert "Maybe" not in found


def test_values_that_only_cloudformation_knows_stay_unchanged() -> None:
    found = resolved(TEMPLATE, {"Stream": "s"}, ACCOUNT)["Thing"]["Properties"]
    assert (found["Other"], found["Arn"]) == ({"Ref": "Another"}, {"Fn::GetAtt": ["Another", "Arn"]})
    assert found["Text"] == "arn:123456789012:${Another}:s"


def test_the_template_itself_is_not_changed() -> None:
    before = repr(TEMPLATE)
    resolved(TEMPLATE, {"Stream": "s"})
    assert repr(TEMPLATE) == before


PARTITIONS = {"aws": "amazonaws.com", "aws-us-gov": "amazonaws.com", "aws-cn": "amazonaws.com.cn"}


@pytest.mark.parametrize(("partition", "suffix"), PARTITIONS.items())
def test_each_partition_has_its_suffix(partition: str, suffix: str) -> None:
    found = pseudo_parameters(f"arn:{partition}:sts::123456789012:assumed-role/x/y", "cn-north-1")
    expected = {"AWS::AccountId": "123456789012", "AWS::Partition": partition, "AWS::Region": "cn-north-1"}
    assert found == {**expected, "AWS::URLSuffix": suffix}
