"""The stack: what a deployment would change, made and executed by CloudFormation's change sets."""
