"""The Lambda between a DynamoDB stream and S3."""

__version__ = "0.1.0"
