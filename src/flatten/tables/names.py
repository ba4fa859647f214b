"""Name the table and its side tables: by path (with a slash) or by name in a catalog."""

from dataclasses import dataclass
from pathlib import Path

from flatten.errors import TableError
from flatten.tables.schema import SIDE_TABLES
from flatten.tables.sql import quoted


@dataclass(frozen=True, slots=True)
class TableName:
    """A table by path (with a slash) or by name (one to three parts), and the place of its side tables.

    `ops` is a folder or a schema. Raises TableError for an invalid name.
    """

    text: str
    ops: str

    def __post_init__(self) -> None:
        if ("/" in self.text) != ("/" in self.ops):
            raise TableError(
                f"{self.text!r} and {self.ops!r}: give a table and its side tables both by path or both by name."
            )
        for name in (self.text, self.ops):
            if "${" in name:
                raise TableError(f"{name!r} contains ${{, which Spark SQL replaces by a setting: give another name.")
            if not self.is_path and not all(part.strip() and "`" not in part for part in name.split(".")):
                raise TableError(f"{name!r} is not a table or schema name: give schema.table or a path with a slash.")
        if not self.is_path and not 1 <= len(self.text.split(".")) <= 3:
            raise TableError(f"{self.text!r} has too many parts: give catalog.schema.table.")
        table, *sides = self.places() or [""]
        if any(side.startswith(f"{table}/") or table.startswith(f"{side}/") for side in sides):
            raise TableError(
                f"{self.ops!r} is inside the table {table}, where VACUUM deletes files: give another folder."
            )

    @classmethod
    def of(cls, text: str, ops: str | None = None) -> "TableName":
        """Name a table; the default place of its side tables is its schema or folder with `_ops`."""
        if "/" in text:
            folder = text.rstrip("/").rpartition("/")[0]
            return cls(text.rstrip("/") or "/", ops.rstrip("/") if ops else f"{folder or '/'}_ops")
        return cls(text, ops or f"{text.rpartition('.')[0] or 'default'}_ops")

    @property
    def is_path(self) -> bool:
        """Return whether the table is a folder rather than a name in a catalog."""
        return "/" in self.text

    @property
    def sql(self) -> str:
        """Return the table as in SQL."""
        return _sql(self.text)

    def sibling(self, name: str) -> str:
        """Return another name in the table's schema as in SQL; the name alone where the table is a path."""
        return quoted(name) if self.is_path else _sql(f"{self.text.rpartition('.')[0] or 'default'}.{name}")

    def side(self, kind: str) -> str:
        """Return one of `SIDE_TABLES` as in SQL."""
        return _sql(self.side_place(kind))

    def folders(self) -> list[Path]:
        """Return the folders of all the tables in the file system; none for names and buckets."""
        return [] if "://" in self.text + self.ops else list(map(Path, self.places()))

    def places(self) -> list[str]:
        """Return the paths of all the tables; nothing for names."""
        return [self.text, *map(self.side_place, SIDE_TABLES)] if self.is_path else []

    def side_place(self, kind: str) -> str:
        """Return one of `SIDE_TABLES` as a path or a name."""
        separator = "/" if self.is_path else "."
        return f"{self.ops}{separator}{self.text.rpartition(separator)[2]}_{kind}"

    def schemas(self) -> list[str]:
        """Return the schemas that the tables need, as in SQL; none for paths."""
        return [] if self.is_path else [_sql(self.text.rpartition(".")[0] or "default"), _sql(self.ops)]


def _sql(text: str) -> str:
    return f"delta.{quoted(text)}" if "/" in text else ".".join(map(quoted, text.split(".")))
