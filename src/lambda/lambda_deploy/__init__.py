"""Deploy the Lambda: the command line tool `stream-lambda`."""
