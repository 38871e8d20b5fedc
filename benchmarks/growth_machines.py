"""What more machines would give: the reasoning of docs/growth.md, with what benchmarks/growth.py measured put in.

All other numbers are published ones, but for one that is assumed; docs/growth.md says which, and where they are from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

Point = dict[str, Any]

NCCL, NVLINK_HOP, PCIE_HOP, NETWORK_HOP = 8.4e-6, 3.4e-6, 5.7e-6, 9.6e-6
"""Seconds of a ring in NCCL's own model: to begin, and of each of its 2 (n - 1) hops."""
GPU = 50e12
"""Floating-point operations a second of a GPU: assumed, a tenth of an H100's TF32 peak."""
SHARE = 0.9
"""The efficiency that is asked for."""
PUBLISHED = ("dcgan-large", "resnet")


@dataclass(frozen=True)
class Setup:
    """`processes`, each with `bandwidth` bytes a second either way; an all_reduce of nothing takes `latency` seconds."""

    name: str
    processes: int
    bandwidth: float
    latency: float
    gpu: bool = True

    def all_reduce(self, size: float) -> float:
        """Seconds, for so many bytes, around a ring."""
        n = self.processes
        return self.latency + 2 * (n - 1) / n * size / self.bandwidth

    def exchange(self, network: Point) -> float:
        """Seconds a cycle: D's gradients, then G's, in float32."""
        return self.all_reduce(4 * network["d"]) + self.all_reduce(4 * network["g"])


GPUS = [
    Setup("8 GPUs, one node, NVLink 4", 8, 370e9, NCCL + 14 * NVLINK_HOP),
    Setup("8 GPUs, one node, PCIe 5.0 x16", 8, 63e9, NCCL + 14 * PCIE_HOP),
    Setup("8 nodes of one GPU, 400 Gbit/s", 8, 50e9, NCCL + 14 * NETWORK_HOP),
    Setup("8 nodes of one GPU, 100 Gbit/s", 8, 12.5e9, NCCL + 14 * NETWORK_HOP),
    Setup("8 nodes of 8 GPUs, one 400 Gbit/s port each", 64, 50e9, NCCL + 14 * NETWORK_HOP + 112 * NVLINK_HOP),
]


def middle(points: Sequence[Point], series: str, x: int | None = None) -> float:
    """The median seconds of the point of `series`, at `x` where it is one of several."""
    (found,) = (p for p in points if p["series"] == series and p.get("x") == x)
    return median(found["seconds"])


def small(loopback: Sequence[Point]) -> float:
    """Seconds of an all_reduce of a few bytes between two processes of this machine: two messages, one after the other."""
    return middle(loopback, "all_reduce", 4)


def this_machine(loopback: Sequence[Point]) -> Setup:
    """Its two processes, as measured."""
    size = max(p["x"] for p in loopback if p["series"] == "all_reduce")
    return Setup("this machine", 2, size / middle(loopback, "all_reduce", size), small(loopback), gpu=False)


def against_measured(networks: Sequence[Point], loopback: Sequence[Point]) -> str:
    """What the formula makes of one process's cycle, beside what two processes took."""
    (network,) = (p for p in networks if p["series"] == "dcgan")
    setup, alone = this_machine(loopback), middle(loopback, "alone", 1)
    exchange = setup.exchange(network) + small(loopback)
    said = [
        f"| {series} | {alone * rows + exchange:.3f} | {middle(loopback, series, 2):.3f} |"
        for series, rows in (("one joint batch", 0.5), ("a batch each", 1))
    ]
    head = (
        f"One process takes {alone:.3f} s a cycle (measured); the exchange is {1000 * exchange:.1f} ms by the formula."
    )
    return "\n".join([head, "", "| two processes | reasoned, s a cycle | measured |", "|---|---|---|", *said])


def machines(networks: Sequence[Point], loopback: Sequence[Point]) -> str:
    """A row for each setup and network."""
    cpus = Setup("8 machines like this one, 10 Gbit/s", 8, 1.25e9, 7 * small(loopback), gpu=False)
    head = "| machines | network | exchange, ms | vote, ms | efficiency at 8 rows | at 64 rows | rows for 90 % |"
    published = [p for p in networks if p["series"] in PUBLISHED]
    rows = [row(setup, p, small(loopback)) for setup in (*GPUS, cpus) for p in published]
    return "\n".join([head, "|---" * 7 + "|", *rows])


def row(setup: Setup, network: Point, small: float) -> str:
    """One line of the table; rows are of a batch, in each process."""
    seconds = network["flops"] / GPU if setup.gpu else median(network["seconds"]) / network["images"]
    exchange, vote = setup.exchange(network), (setup.processes - 1) * small
    # A GPU works on while the CPUs vote: the vote is no more than a bound from below.
    lost = exchange if setup.gpu else exchange + vote
    at = [f"{100 * rows * seconds / max(rows * seconds + lost, vote):.0f} %" for rows in (8, 64)]
    needed = max(SHARE / (1 - SHARE) * lost, SHARE * vote) / seconds
    said = [f"{1000 * exchange:.2f}", f"{1000 * vote:.2f}", *at, f"{needed:,.0f}"]
    return f"| {setup.name} | {network['series']} | {' | '.join(said)} |"
