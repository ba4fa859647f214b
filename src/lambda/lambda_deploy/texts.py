"""Make external text fit for one line of output: short, on one line, without control characters."""

import os
import re
from collections.abc import Mapping

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html, the parts of a signature, what stands
# before the @ of an address, and the tokens of Databricks.
_secret = re.compile(
    r"""\b(?-i:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{4,} | (?:Credential|Signature|Security-Token)[=:]\s*\S+
    | \b(?-i:Bearer|Basic)\s+\S+ | (?<=://)[^\s@]*:[^\s@]*(?=@) | (?<=://)[^\s/@]+(?=@) | \bdapi[0-9a-f-]{8,}
    | \beyJ[\w-]+\.[\w.-]+ | (?:secret|token|password)["']?\s*=\s*\S+ | (?:secret|token|password)["']\s*:\s*\S+""",
    re.IGNORECASE | re.VERBOSE,
)
_LEAST_SECRET = 8
_is_secret = re.compile(r"(?:SECRET|TOKEN|PASSWORD|ACCESS_KEY(?:_ID)?)$").search


def hidden(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return text without what looks like a secret, and without the values of variables that hold one."""
    for name, value in environment.items():
        if _is_secret(name) and len(value.strip()) >= _LEAST_SECRET:
            text = text.replace(value.strip(), "(hidden)")
    return _secret.sub("(hidden)", text)


def printable(text: str) -> str:
    """Return text with every character that is not printable escaped."""
    return "".join([c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text])


def cut(text: str, longest: int) -> str:
    """Return text of at most this many characters, with three dots at the end if it was cut."""
    return text if len(text) <= longest else f"{text[:longest]}..."


def one_line(said: object) -> str:
    """Return an external error's text, without key ids, signatures and tokens that it may contain."""
    return printable(cut(hidden(" ".join(str(said).split())), 300))
