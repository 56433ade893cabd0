"""The names in the environment that begin like ours, and the faults that hide among them.

pydantic-settings ignores an environment name that it does not know: a misspelt
DOORBUSTER_DURABILTY would leave the default in force, and nobody would be told.
"""

import difflib
import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

PREFIX: Final = "DOORBUSTER_"
FILE: Final = Path(".env")

# Kubernetes gives each pod these names for a service called "doorbuster".
_SERVICE_LINK: Final = re.compile(
    rf"{PREFIX}(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)"
)
_SERVICE_LINK_PORT: Final = re.compile(r"(tcp|udp|sctp)://")
_SERVICE_LINK_ADVICE: Final = (
    "{name} was injected by Kubernetes for a service named doorbuster, it is none of our settings; "
    "set `enableServiceLinks: false` in the pod's spec"
)


def ours() -> Mapping[str, str]:
    """Return every name with our prefix, in upper case; the environment wins over the file."""
    everything = dotenv_values(FILE) | os.environ
    return {
        name.upper(): value
        for name, value in everything.items()
        if name.upper().startswith(PREFIX) and value is not None
    }


def faults(variables: Mapping[str, str], *, known: Collection[str]) -> Iterator[str]:
    """Yield one sentence for each name that is no setting; all service links share one."""
    links = [name for name, value in variables.items() if _is_service_link(name, value)]
    if links:
        yield _SERVICE_LINK_ADVICE.format(name=min(links, key=len))
    for name in sorted(variables.keys() - set(known) - set(links)):
        yield f"{name} is not a setting{_guess(name, known)}"


def _is_service_link(name: str, value: str) -> bool:
    if name == f"{PREFIX}PORT":
        return _SERVICE_LINK_PORT.match(value) is not None
    return _SERVICE_LINK.fullmatch(name) is not None


def _guess(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
    return f"; did you mean {near[0]}?" if near else "; .env.sample names them all"
