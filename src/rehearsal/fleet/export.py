"""Write a DynamoDB export to S3 in AWS's layout, for tests and benchmarks of `flatten backfill`.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

EXPORT_ID = "01693685827463-2d8752fd"
Json = dict[str, Any]


def typed_item(value: Mapping[str, Any]) -> Json:
    """Return an item, attribute -> typed value."""
    return {name: _typed(each) for name, each in value.items()}


def _typed(value: Any) -> Json:
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int() | float():
            return {"N": str(value)}
        case str():
            return {"S": value}
        case list():
            return {"L": [_typed(each) for each in value]}
        case _:
            return {"M": typed_item(value)}


def exported_change(micros: int, key: Mapping[str, Any], new: Json | None, old: Json | None = None) -> Json:
    """Return a line of an incremental export; the images are typed items, `micros` is the time of the write."""
    images = {name: image for name, image in (("NewImage", new), ("OldImage", old)) if image is not None}
    return {"Metadata": {"WriteTimestampMicros": {"N": str(micros)}}, "Keys": typed_item(key), **images}


def write_export(
    root: Path, files: Iterable[Iterable[Json]], *, incremental: bool = False, export_id: str = EXPORT_ID
) -> Path:
    """Write an export whose data files have these lines; return the folder of its manifests."""
    folder = root / "AWSDynamoDB" / export_id
    data = root / "AWSDynamoDB" / "data" if incremental else folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "_started").touch()
    listed = [_data_file(data / f"{export_id}{at:04}.json.gz", lines, root) for at, lines in enumerate(files)]
    (folder / "manifest-files.json").write_text("".join(json.dumps(each) + "\n" for each in listed))
    summary: Json = {
        "version": "2020-06-30",
        "manifestFilesS3Key": f"exports/AWSDynamoDB/{export_id}/manifest-files.json",
        "itemCount": sum(each["itemCount"] for each in listed),
        "outputFormat": "DYNAMODB_JSON",
    }
    if incremental:
        summary |= {"exportFromTime": "2026-01-05T00:00:00Z", "exportToTime": "2026-01-06T00:00:00Z"}
    (folder / "manifest-summary.json").write_text(json.dumps(summary))
    return folder


def _data_file(path: Path, lines: Iterable[Json], root: Path) -> Json:
    """Write a data file; return its entry in the manifest. The file of an empty partition has no bytes."""
    texts = [json.dumps(line, separators=(",", ":")) for line in lines]
    content = gzip.compress("".join(f"{text}\n" for text in texts).encode(), 5, mtime=0) if texts else b""
    path.write_bytes(content)
    return {
        "itemCount": len(texts),
        "md5Checksum": base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode(),
        "etag": "0-1",
        "dataFileS3Key": f"exports/{path.relative_to(root)}",
    }
