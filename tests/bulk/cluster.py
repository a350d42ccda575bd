"""A Ray cluster of our own on this machine, as many raylets as there are to be nodes; for tests and benchmarks."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from meydan.bulk.engines import QUIET


@contextlib.contextmanager
def a_cluster(*, nodes: int, attempts: int = 3) -> Iterator[str]:
    """The address of a cluster whose nodes have one processor each; nothing of it is left afterwards."""
    # Before Ray is loaded: what it reports is decided then. A busy machine starts its agents late.
    os.environ.update({**QUIET, "RAY_agent_register_timeout_ms": "200000"})
    from ray.cluster_utils import Cluster

    given = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}
    for left in reversed(range(attempts)):
        cluster = Cluster()
        try:
            for _ in range(nodes):
                cluster.add_node(**given)
            break
        except Exception:
            # Ray gives a node thirty seconds to start, whatever else the machine has to do.
            cluster.shutdown()
            if not left:
                raise
    try:
        yield cluster.address
    finally:
        cluster.shutdown()
