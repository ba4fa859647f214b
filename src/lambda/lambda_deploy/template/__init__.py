"""Render the CloudFormation template from databricks.yml with pure functions."""
