"""Download missing jars of local Spark into FOLDER, as in `fetch_jars.py .cache/jars`."""

import os
from pathlib import Path

import click

from flatten.errors import FlattenError
from flatten.local.jars import DELTA, S3A, fetch
from flatten.local.java import find_java
from flatten.local.spark import cache_folder


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--ivy-settings",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="FLATTEN_IVY_SETTINGS",
    help="Ivy settings that name another repository.",
)
@click.option("--s3a", is_flag=True, help="Also the jars of Hadoop's S3 client.")
def main(folder: Path, ivy_settings: Path | None, s3a: bool) -> None:
    jars = DELTA + S3A if s3a else DELTA
    try:
        fetched = fetch(jars, folder, find_java(os.environ, cache_folder() / "java"), ivy_settings)
    except FlattenError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{folder}: {len(jars)} jars, {len(fetched)} downloaded now")


if __name__ == "__main__":
    main()
