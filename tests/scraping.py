"""Reads `/metrics` as Prometheus does."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrape:
    """One answer; a sample that is not there counts as zero."""

    text: str
    samples: Mapping[tuple[str, frozenset[tuple[str, str]]], float]

    def value(self, name: str, **labels: str) -> float:
        return self.samples.get((name, frozenset(labels.items())), 0.0)

    def names(self) -> set[str]:
        return {name for name, _ in self.samples}

    def outcomes(self, name: str, label: str = "outcome") -> dict[str, float]:
        """The values of all labels that have happened."""
        return {
            dict(labels)[label]: value
            for (each, labels), value in self.samples.items()
            if each == name and value
        }


async def scrape(address: tuple[str, int]) -> Scrape:
    """Scrape on a connection of its own: any worker may answer."""
    # Certificates would be read for each scrape, which takes longer than all the rest.
    async with httpx.AsyncClient(verify=False) as client:  # noqa: S501 (there is no TLS here)
        answer = await client.get(f"http://{address[0]}:{address[1]}/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = text_string_to_metric_families(answer.text)
    samples = [sample for family in families for sample in family.samples]
    return Scrape(text=answer.text, samples={_key(each): each.value for each in samples})


def _key(sample: Sample) -> tuple[str, frozenset[tuple[str, str]]]:
    return sample.name, frozenset(sample.labels.items())
