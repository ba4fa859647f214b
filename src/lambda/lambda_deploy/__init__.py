"""What ships the Lambda: the console `stream-lambda`."""
