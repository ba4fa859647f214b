"""Plan and deploy the stack with CloudFormation change sets."""
