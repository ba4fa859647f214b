"""The options of the engines: each prevents lost records."""

from dataclasses import replace

import pytest

from flatten.run.source import auto_loader_options, file_source_options
from flatten.settings import Settings
from support.job_world import World


@pytest.fixture
def settings(tmp_path: object) -> Settings:
    return replace(World(None, tmp_path).settings(), max_files=17)  # type: ignore[arg-type]  # no Spark is asked


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("cloudFiles.format", "binaryFile"),
        ("cloudFiles.useNotifications", "false"),
        ("cloudFiles.useIncrementalListing", "false"),
        ("cloudFiles.includeExistingFiles", "true"),
        ("cloudFiles.allowOverwrites", "false"),
        ("cloudFiles.partitionColumns", ""),
        ("cloudFiles.maxFilesPerTrigger", "17"),
        ("cloudFiles.maxBytesPerTrigger", "1g"),
    ],
)
def test_auto_loader_lists_everything_and_reads_each_path_once(settings: Settings, option: str, value: str) -> None:
    assert auto_loader_options(settings)[option] == value


def test_file_events_replace_only_the_listing(settings: Settings) -> None:
    listing = auto_loader_options(settings)
    events = auto_loader_options(replace(settings, discovery="file-events"))
    assert events.items() - listing.items() == {("cloudFiles.useManagedFileEvents", "true")}
    assert listing.keys() - events.keys() == {"cloudFiles.useNotifications", "cloudFiles.useIncrementalListing"}


def test_auto_loader_is_not_asked_to_archive_or_to_infer(settings: Settings) -> None:
    forbidden = ("cleanSource", "schemaLocation", "inferColumnTypes", "schemaEvolutionMode", "maxFileAge")
    assert not [
        name for name in auto_loader_options(settings) if name.removeprefix("cloudFiles.").startswith(forbidden)
    ]


def test_the_file_source_skips_no_old_file(settings: Settings) -> None:
    """Its default of seven days silently skips older files."""
    assert file_source_options(settings)["maxFileAge"] == "36500d"


@pytest.mark.parametrize("name", ["[x]", "{a,b}", "a*", "a?b", "a\\b"])
def test_below_a_folder_named_like_a_pattern_a_micro_batch_is_small(settings: Settings, name: str) -> None:
    """Spark compares each of them with all files of the micro-batch: a thousand would be a million comparisons."""
    many = replace(settings, max_files=1000)
    assert file_source_options(many)["maxFilesPerTrigger"] == "1000"
    assert file_source_options(replace(many, source=f"/{name}/landing"))["maxFilesPerTrigger"] == "100"
    assert file_source_options(replace(settings, source=f"/{name}"))["maxFilesPerTrigger"] == "17"


def test_a_missing_or_unreadable_file_does_not_stop_a_run(settings: Settings) -> None:
    for options in (auto_loader_options(settings), file_source_options(settings)):
        assert (options["ignoreMissingFiles"], options["ignoreCorruptFiles"]) == ("true", "true")
