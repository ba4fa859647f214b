"""Print the commands that migrate from an older pipeline; execute nothing.

The two older Lambdas are OLD_STREAM_FUNCTION, which reads the stream, and OLD_TRIGGER_FUNCTION, which the bucket calls
for each object. The single-function version (lambda_unified.py) has the default name of ours, and another handler.
"""

from typing import Final

OLD_STREAM_FUNCTION: Final = "chargeminder-dynamodb-stream-processor"
OLD_TRIGGER_FUNCTION: Final = "chargeminder-s3-databricks-trigger"
UNIFIED_FUNCTION: Final = "chargeminder-unified-processor"
