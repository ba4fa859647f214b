"""What is in the stack: pure functions from databricks.yml to a CloudFormation template."""
