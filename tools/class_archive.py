"""Archive the classes that Java loads when Spark starts and the job runs, so that the Sparks of tests start faster.

Tests start a dozen Sparks, and each needs seconds to find, check and load the same classes. If Java makes no archive,
an empty file is left, which is not used. https://docs.oracle.com/en/java/javase/17/vm/class-data-sharing.html
"""

import sys
import tempfile
from pathlib import Path

from flatten.local.settings import SessionSettings
from flatten.session import spark_session
from rehearsal.fleet import FEWEST_WITH_ODDITIES, write_fleet
from support.job_world import World
from support.quick_spark import JAVA_OPTIONS, QUICK


def main(archive: Path) -> None:
    """Run the job once, in Spark Connect, whose server also has the classes of classic Spark."""
    with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
        made = Path(folder) / archive.name
        told = QUICK | {JAVA_OPTIONS: f'"-XX:ArchiveClassesAtExit={made}"'}
        with spark_session(SessionSettings(kind="connect", extra=told)) as spark:
            world = World(spark, Path(folder))
            write_fleet(world.source, events=FEWEST_WITH_ODDITIES, vehicles=5, seed=1, oddities=True)
            world.run()
        made.touch()
        made.replace(archive)


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
