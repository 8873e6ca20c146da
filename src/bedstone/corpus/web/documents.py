"""The tables of documents, and of what gave none, that all stages write that take them in."""

import pyarrow as pa

DOCUMENTS = pa.schema(
    [
        ("id", pa.string()),
        ("url", pa.string()),
        ("date", pa.string()),
        ("charset", pa.string()),
        ("replaced", pa.int32()),
        ("text", pa.large_string()),
        ("headings", pa.list_(pa.int32())),
        ("cut", pa.bool_()),
        ("signals", pa.list_(pa.string())),
        ("license", pa.string()),
    ]
)
REJECTED = pa.schema(
    [
        ("offset", pa.int64()),
        ("url", pa.string()),
        ("reason", pa.string()),
        ("bytes", pa.int64()),
    ]
)
