"""What a deployment needs outside the stack: the stream, the bucket, the code, the secret, the job's number."""
