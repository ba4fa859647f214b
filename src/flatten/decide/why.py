"""What happened to a line, and why, in words for somebody who does not know the rules."""

from flatten.decide.lines import FoundRow, JudgedLine


def why(line: JudgedLine, row: FoundRow | None, *, in_landing: bool, expired: bool) -> tuple[str, str]:
    """Return the verdict on a good line, given its event's row, and the sentence that says why.

    Verdicts: applied, repeated, superseded, ignored, waiting (it is in landing), missing (its file is archived, and
    the table does not have it).
    """
    if line.action == "ignore":
        what = "The item expired" if expired else "The item was removed"
        return "ignored", f"{what}, and this table keeps the row of such an item as it was."
    if row is None or line.order > row.order:
        if in_landing:
            return "waiting", "It is newer than the row; the next run reads its file."
        return "missing", "Its file is archived, and the row does not show it: replay the day of this file."
    if line.order < row.order:
        if line.order.is_none and row.order.is_none:
            return "ignored", "It was delivered earlier than what the row shows."
        if line.order.is_none:
            return "ignored", "It does not say its place among the changes, and the row comes from a change that does."
        return "superseded", "The row shows a newer change of this event."
    if row.source_file in (line.path, f"{line.path}#redriven"):
        return "applied", "The row shows this change."
    if line.order.is_none:
        return "ignored", "It was delivered at the same time as what the row shows, and the first one counts."
    return "repeated", "The row shows this change, which came in another file, too."
