"""Ships the Lambda `stream_to_s3` and what it needs in AWS."""
