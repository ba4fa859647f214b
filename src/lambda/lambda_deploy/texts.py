"""Text from elsewhere made fit for a line: on one line, not too long, without a character that a terminal obeys."""


def printable(text: str) -> str:
    """Text with every character that is not printable as its escape."""
    return "".join([c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text])


def cut(text: str, longest: int) -> str:
    """Text of so many characters at most, with three dots where the rest was."""
    return text if len(text) <= longest else f"{text[:longest]}..."


def one_line(said: object) -> str:
    """What somebody else's error says."""
    return printable(cut(" ".join(str(said).split()), 300))
