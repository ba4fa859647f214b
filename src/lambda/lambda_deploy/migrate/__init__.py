"""The way from an older pipeline to this one, as commands for the reader to run; nothing is executed here.

The two Lambdas are called OLD_STREAM_FUNCTION, which reads the stream, and OLD_TRIGGER_FUNCTION, which the bucket calls
for each object. The single-function version (lambda_unified.py) has the name that ours has by default, and another
handler.
"""

from typing import Final

OLD_STREAM_FUNCTION: Final = "chargeminder-dynamodb-stream-processor"
OLD_TRIGGER_FUNCTION: Final = "chargeminder-s3-databricks-trigger"
UNIFIED_FUNCTION: Final = "chargeminder-unified-processor"
