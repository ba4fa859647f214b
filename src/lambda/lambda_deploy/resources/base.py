"""What every kind of resource can do: say how it should be, look how it is, and be made, changed or removed.

States are plain data (as in JSON), so that one comparison and one way of printing serve all kinds.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lambda_deploy.aws import Clients
from lambda_deploy.config import PROJECT, Config
from lambda_deploy.facts import Facts
from lambda_deploy.wait import Wait
from stream_to_s3 import __version__
from stream_to_s3.rest import Secret

State = dict[str, Any]


@dataclass(frozen=True)
class Site:
    """Where things are shipped to, and what: `code` is the zip, `secret` a new value of the secret, if any."""

    config: Config
    clients: Clients
    facts: Facts
    wait: Wait
    code: bytes = b""
    secret: Secret | None = None

    @property
    def tags(self) -> dict[str, str]:
        """The tags of all that is ours."""
        return {"project": PROJECT, "target": self.config.target, "version": __version__}


class Resource(ABC):
    """One thing in the account. Errors of the SDK pass through; whoever calls has them explained."""

    kind: ClassVar[str]
    # Why `destroy` leaves it, when it does.
    stays: ClassVar[str] = ""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.config = site.config
        self.facts = site.facts

    def client(self, service: str) -> Any:
        """A client of the service."""
        return self.site.clients(service)

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name in the account."""

    @abstractmethod
    def read(self) -> State | None:
        """How it is, with the keys that `desired` has; None when it is not there."""

    @abstractmethod
    def desired(self, current: State | None) -> State | None:
        """How it should be, in view of how it is; None when it should not be there.

        Raises UnfitError when it cannot be used as it is and must not be changed.
        """

    @abstractmethod
    def create(self, desired: State) -> None:
        """Makes it. Stopped halfway, `update` does the rest."""

    @abstractmethod
    def update(self, current: State, desired: State) -> None:
        """Changes what differs, and nothing else."""

    @abstractmethod
    def delete(self) -> None:
        """Removes it; succeeds when it is gone already."""

    @property
    def is_removable(self) -> bool:
        """Whether `destroy` removes it; what stays is listed."""
        return not self.stays

    def check_ready(self) -> None:  # noqa: B027 # most kinds are ready at once
        """Raises NotReadyError while AWS still works on it."""

    def check_gone(self) -> None:  # noqa: B027 # most kinds are gone at once
        """Raises NotReadyError while AWS still works on removing it."""

    def notes(self, current: State | None) -> list[str]:
        """What the user should know before it is changed, in sentences."""
        return []

    def is_ours(self, current: State) -> bool:
        """Whether its tags say that this target made it."""
        tags = current.get("tags", {})
        return bool(tags.get("project") == PROJECT and tags.get("target") == self.config.target)

    def other_target(self, current: State) -> str | None:
        """The target of ours that made it, when it is another."""
        tags = current.get("tags", {})
        target: str | None = tags.get("target") if tags.get("project") == PROJECT else None
        return None if target in (None, self.config.target) else target


def our_tags(tags: Mapping[str, str] | Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Those of a resource's tags that we set, as name -> value, from either way in which AWS writes them."""
    if not isinstance(tags, Mapping):
        tags = {tag["Key"]: tag["Value"] for tag in tags}
    return {name: tags[name] for name in ("project", "target", "version") if name in tags}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as most services take them."""
    return [{"Key": name, "Value": value} for name, value in tags.items()]
