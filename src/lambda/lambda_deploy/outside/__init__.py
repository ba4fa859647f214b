"""What a deployment needs that is not in the stack: the stream, the bucket, the code, the secret, the job's number."""
