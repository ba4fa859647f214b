"""Run `flatten` with a command line, in this process."""

from pathlib import Path

import pytest

from flatten.cli import main


def called(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Run `flatten` with arguments; return exit code, stdout, stderr."""
    code = 0
    try:
        main([str(each) for each in arguments])
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, *capsys.readouterr()


def everything(place: Path) -> list[str]:
    """Return what is below a folder."""
    return sorted(str(path.relative_to(place)) for path in place.rglob("*"))
