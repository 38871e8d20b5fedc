"""A real Ray cluster of two nodes on this machine, one of which is lost while it works."""

from __future__ import annotations

import importlib.util
import os
import threading
import time
from pathlib import Path

import pytest
from stand_ins import compare, here, how, request, shared, without_times, written
from test_local_pool import WORKER

from ganzoo.errors import InputError
from ganzoo.experiments import runner
from ganzoo.experiments.plan import Plan
from ganzoo.experiments.ray_cluster import RayCluster, pack, unpack

RAY = importlib.util.find_spec("ray") is not None or bool(os.environ.get("CI"))
needs_ray = pytest.mark.skipif(not RAY, reason="the extra cluster is not installed")


def test_a_run_travels_without_its_states(tmp_path):
    for name in ("config.json", "samples/1.png", "state/00000001/state.json"):
        path = tmp_path / "run" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    unpack(pack(tmp_path / "run"), tmp_path / "back")
    back = {
        p.relative_to(tmp_path / "back").as_posix(): p.read_bytes()
        for p in (tmp_path / "back").rglob("*")
        if p.is_file()
    }
    assert back == {name: name.encode() for name in ("config.json", "samples/1.png")}


def test_without_ray_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install 'ganzoo-torch\[cluster\]'"):
        RayCluster("local").__enter__()


def test_a_device_that_is_not_here_is_that_of_the_cells(tmp_path):
    """A head without a GPU plans for nodes that have them."""
    plan = Plan(
        request(tmp_path, ("nsgan",), tables=shared(tmp_path, **{"train.device": "cuda"})), how, device="cuda", cores=4
    )
    assert {cell.config.train.device for cell in plan.cells} == {"cuda"}
    assert plan.book.head.protocol.device == "cuda"


@pytest.fixture
def two_nodes(tmp_path, monkeypatch):
    """A cluster of two nodes with a core each; runs under way are below its `tmp`."""
    from ray.cluster_utils import Cluster as Nodes

    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setenv("RAY_TMPDIR", "/tmp")  # a socket's path must be short
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    nodes = Nodes(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    other = nodes.add_node(num_cpus=1)
    yield nodes, other, tmp_path / "tmp"
    nodes.shutdown()


class Watch(threading.Thread):
    """Notes every run that is begun below a folder, and calls `act` once, when two are under way."""

    def __init__(self, folder: Path, act) -> None:
        super().__init__(daemon=True)
        self.folder, self.act, self.begun, self.acted, self.over = folder, act, set(), False, False

    def run(self) -> None:
        while not self.over:
            under_way = {path.parent for path in self.folder.rglob("metrics.jsonl")}
            self.begun |= under_way
            if len(under_way) == 2 and not self.acted:
                self.acted = True
                self.act()
            time.sleep(0.05)


@pytest.mark.slow  # half a minute, and Ray decides how long
@needs_ray
def test_a_node_is_lost_while_it_works_and_every_cell_is_done_once(tmp_path, two_nodes, monkeypatch):
    monkeypatch.setattr(runner, "write_report", lambda results, folder: folder)
    nodes, other, runs = two_nodes
    asked = request(tmp_path, ("nsgan",), budget="steps=60", seeds=3)
    watch = Watch(runs, lambda: nodes.remove_node(other, allow_graceful=False))
    told = []
    with RayCluster(nodes.address, WORKER) as cluster:
        assert cluster.cores == 1 and cluster.device("auto") == "cpu"
        watch.start()
        runner.run_comparison(Plan(asked, how, device="cpu", cores=cluster.cores), cluster.run_jobs, told.append)
    watch.over = True
    results = written(asked.out)
    assert watch.acted and len(watch.begun) == 4, "three cells, one of which was begun twice"
    assert [(cell["seed"], cell["status"]) for cell in results["cells"]] == [(0, "done"), (1, "done"), (2, "done")]
    assert len(told) == 1 + 3, "the opening line, and one per cell"
    assert not list(asked.out.rglob("state"))
    here_too = compare(request(tmp_path, ("nsgan",), out="here", budget="steps=60", seeds=3), here)
    assert without_times(results["cells"]) == without_times(here_too["cells"])
