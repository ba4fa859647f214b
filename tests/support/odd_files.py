"""Every kind of name, time, link and right that a file of landing may have: the tables of tests and of the torture."""

_WINDOWS = ("CON", "nul.json", "a.", "C:\\a.json", "a.json:stream", "Thumbs.db", "a<b>|c.json")
_HADOOP = (
    "a:b.json",
    "12:34:56.json",
    "http:",
    "file:a.json",
    "[a:b].json",
    "x.crc",
    "part-0.snappy",
    "a._COPYING_.json",
)
_PATTERNS = ("[x].json", "{a,b}.json", "*.json", "**", "a?b.json", "[!x]", "[", "{", "}", "^", "\\*", "a\\b.json", "{a")
_ENCODED = ("100%.json", "%", "%2F", "%00", "%2e%2e", "a%20b%2Fc.json", "a+b.json", "a#b?c=d&e;f", "a&amp;b")
_SHELL = (
    "-rf",
    "--",
    "~",
    "~root",
    "$HOME",
    "$(id)",
    "`id`",
    "a;b",
    "a|b",
    "!!",
    'it\'s "so".json',
    " a ",
    "a\nb.json",
)
_UNICODE = (
    "übergröße-日本-🚗.json",
    "\u00fc.json",
    "u\u0308.json",
    "İıſß",
    "\u202egnp.json",
    "\u200b",
    "\ufeffbom",
    "\u2028",
    "\ufffd",
    "\ufffe",
    "\U0010ffff",
    "\ue000",
)
_LENGTHS = ("l", "l" * 250, "m" * 255, "ü" * 127, "/".join("deep") + "/x.json", "/".join(["d" * 60] * 15) + "/x")
_FORMS = ("telemetry", "year=2026/month=01/x.json", "_a=b", "a=b", "x.ndjson.gz/x.json", "2026/13/45/99/x", "9" * 30)
_ALL = (*_WINDOWS, *_HADOOP, *_PATTERNS, *_ENCODED, *_SHELL, *_UNICODE, *_LENGTHS, *_FORMS)
_CHARACTERS = (chr(code) for code in (*range(1, 0x20), *range(0x20, 0x7F), *range(0x7F, 0xA1)) if chr(code) != "/")

NAMES = {
    **{f"character {ord(each):02x}": f"c{ord(each):02x} a{each}b{each}" for each in _CHARACTERS},
    **{ascii(name[:30]): name for name in _ALL},
}
"""Names that every file system of Linux takes, and S3."""

NOT_UTF_8 = {
    "latin": b"gr\xfc\xdfe.json",
    "cut short": b"a\xf0\x9f\x9a",
    "lone surrogate": b"\xed\xb2\x80",
    "ff": b"\xff",
}
"""Names that a file system takes and that are no text."""

KEYS = {
    "empty part": "a//b",
    "beside it": "a/b",
    "empty first part": "/first",
    "ends in a slash": "ends/",
    "dot": "d/./b",
    "dots": "d/../b",
    "outside": "../other",
    "only dots": "..",
    "a file and a folder": "both",
    "in it": "both/x",
    "nul": "n\0l",
    "a long one": "k" * 900,
}
"""Keys below `landing/` that S3 takes and a file system does not."""

HIDDEN = {
    "dot": ".a.json",
    "underscore": "_a.json",
    "in a dot folder": ".a/x.json",
    "in an underscore folder": "_a/x.json",
    "half copied": "a.json._COPYING_",
    "of Parquet": "_metadata",
    "of Parquet, too": "_common_metadata.json",
    "in a folder named so": "_metadata.d/x.json",
}

TIMES = {
    "1901": -(2**31),
    "before 1970": -1.5,
    "1970": 0,
    "2038": 2**31,
    "2242": 2**33,
    "2446": 15_032_385_535,
    "year 33658": 10**12,
    "past all microseconds": 10**13,
    "past all milliseconds": 2**62,
    "before all": -(2**62),
}
"""Seconds since 1970; a file system may keep the nearest that it can."""
