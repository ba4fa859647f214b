"""Make external text fit for one line of output: short, on one line, without control characters."""

import re

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html, and the parts of a signature.
_quoted = re.compile(
    r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,}|(?:Credential|Signature|Security-Token)[=:]\s*\S+|\bBearer\s+\S+",
    re.IGNORECASE,
)


def printable(text: str) -> str:
    """Return text with every character that is not printable escaped."""
    return "".join([c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text])


def cut(text: str, longest: int) -> str:
    """Return text of at most this many characters, with three dots at the end if it was cut."""
    return text if len(text) <= longest else f"{text[:longest]}..."


def one_line(said: object) -> str:
    """Return an external error's text, without key ids, signatures and tokens that it may contain."""
    return printable(cut(_quoted.sub("(hidden)", " ".join(str(said).split())), 300))
