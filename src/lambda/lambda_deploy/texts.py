"""Text from elsewhere made fit for a line: on one line, not too long, without a character that a terminal obeys."""

import re

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html, and the parts of a signature.
_quoted = re.compile(
    r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,}|(?:Credential|Signature|Security-Token)[=:]\s*\S+|\bBearer\s+\S+",
    re.IGNORECASE,
)


def printable(text: str) -> str:
    """Return text with every character that is not printable as its escape."""
    return "".join([c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text])


def cut(text: str, longest: int) -> str:
    """Return text of so many characters at most, with three dots where the rest was."""
    return text if len(text) <= longest else f"{text[:longest]}..."


def one_line(said: object) -> str:
    """Return what somebody else's error says, without key ids, signatures and tokens that it may quote."""
    return printable(cut(_quoted.sub("(hidden)", " ".join(str(said).split())), 300))
