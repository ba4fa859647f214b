"""Explain the verdict on a line in words, for readers who do not know the rules."""

from flatten.decide.lines import FoundRow, JudgedLine


def why(line: JudgedLine, row: FoundRow | None, *, in_landing: bool, expired: bool) -> tuple[str, str]:
    """Return the verdict on a good line, given its event's row, and the sentence that explains it.

    Verdicts: applied, repeated, superseded, ignored, waiting (it is in landing), missing (its file is archived, and the
    table does not have it).
    """
    if row and line.order == row.order and row.source_file in (line.path, f"{line.path}#redriven"):
        return "applied", "The row has this change."
    if line.action == "ignore":
        what = "The item expired" if expired else "The item was removed"
        return "ignored", f"{what}, and this table keeps the row of such an item unchanged."
    if row is None or line.order > row.order:
        if in_landing:
            return "waiting", "It is newer than the row; the next run reads its file."
        return "missing", "Its file is archived, but the row does not have it: replay the day of this file."
    if line.order < row.order:
        if line.order.is_none and row.order.is_none:
            return "ignored", "It was delivered earlier than the values of the row."
        if line.order.is_none:
            return "ignored", "It has no order among the changes, and the row comes from a change that has one."
        return "superseded", "The row has a newer change of this event."
    if line.order.is_none:
        return "ignored", "It was delivered at the same time as the values of the row, and the first one counts."
    return "repeated", "The row has this change, which also came in another file."


def why_bad(reason: str, detail: str, *, in_landing: bool, redriven: str | None) -> tuple[str, str]:
    """Return the verdict on a line that cannot be used, and its sentence; `redriven` says when it was redriven."""
    if in_landing:
        return "waiting", f"{reason}: {detail}. The next run reads its file and quarantines it."
    after = f"It was redriven on {redriven}." if redriven else "`flatten redrive` reads it once it is corrected."
    return "quarantined", f"{reason}: {detail}. {after}"
