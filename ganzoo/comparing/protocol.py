"""What results say of how their scores came about: floors at other numbers, references, what was not tuned."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any

from ganzoo.comparing.headline import cells_of
from ganzoo.comparing.summary import WORST
from ganzoo.evaluation.protocol import floors_in

Results = dict[str, Any]


def at_floor(results: Results) -> list[dict[str, Any]]:
    """A line for each setting and score whose floor had to be taken at another n: the median at that n beside it."""
    worst = {metric["protocol"]: WORST[metric["better"]] for metric in results["metrics"]}
    found: dict[tuple[str, str, int, float], list[float]] = {}
    for setting in results["settings"]:
        for cell in cells_of(results, setting["name"]):
            for protocol, each in (cell.get("at_floor") or {}).items():
                value = worst[protocol] if each["value"] is None else each["value"]
                found.setdefault((setting["name"], protocol, each["n"], each["floor"]), []).append(value)
    return [
        {"name": name, "protocol": protocol, "n": n, "floor": floor, "median": median(values)}
        for (name, protocol, n, floor), values in found.items()
    ]


def exact_floors(results: Results) -> dict[str, float]:
    """The floors that are computed and not measured, such as those of KL, by score and name."""
    details = ((name, each["details"]) for name, each in kept(results, "details"))
    return {f"{name}, {key}": value for name, table in details for key, value in floors_in(table).items()}


def kept(results: Results, key: str) -> Iterator[tuple[str, Any]]:
    """The entries of the table `key` of every cell that has it; cells of older versions have not."""
    return (entry for cell in results.get("cells", []) for entry in (cell.get(key) or {}).items())


def measured_with(results: Results) -> dict[str, str]:
    """The samples, the extractor with its weights, the splits, and how many real images each score is against."""
    sizes = {name: each["reference_n"] for name, each in kept(results, "details") if each["reference_n"]}
    told = dict(kept(results, "measured_with"))
    samples = dict.fromkeys(text for key, text in kept(results, "measured_with") if key == "samples")
    splits = told.get("data", {}).get("splits", {})
    return {
        **({"samples": ", or ".join(samples)} if samples else {}),
        **({"extractor": f"{e['name']}, weights {e['sha256'][:16]}"} if (e := told.get("extractor")) else {}),
        **{f"{name} split": f"{each['count']:,} images, digest {each['digest'][:16]}" for name, each in splits.items()},
        **{name: f"against {size:,} real images" for name, size in sizes.items()},
    }


def untuned(results: Results) -> list[str]:
    """The settings of a tuned comparison that ran as their config says: nothing to draw, or no draw with a score."""
    tuned = (results.get("tuning") or {}).get("settings", {})
    return [name for name, told in tuned.items() if told["chosen"] is None]


def seeds_scored(results: Results) -> list[int]:
    """The different numbers of seeds that the intervals are of, the smallest first."""
    return sorted({row["n"] for row in results["summary"] if row["n"]}) or [len(results["protocol"]["seeds"])]
