"""A Ray cluster of our own on this machine, as many raylets as there are to be nodes; for tests and benchmarks."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from typing import Any

from meydan.bulk.engines import QUIET

PATIENCE_S = 300


@contextlib.contextmanager
def a_cluster(*, nodes: int) -> Iterator[str]:
    """The address of a cluster whose nodes have one processor each; nothing of it is left afterwards."""
    # Before Ray is loaded: what it reports is decided then. A busy machine starts its agents late.
    os.environ.update({**QUIET, "RAY_agent_register_timeout_ms": f"{PATIENCE_S}000"})
    from ray._private import services
    from ray.cluster_utils import Cluster

    asked = services.get_node

    def patiently(*given: Any, **named: Any) -> Any:
        # Ray gives a node thirty seconds to start, whatever else the machine has to do.
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                return asked(*given, **named)
            except RuntimeError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)

    services.get_node = patiently
    cluster = Cluster()
    try:
        for _ in range(nodes):
            cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20, include_dashboard=False, **_ports())
        yield cluster.address
    finally:
        services.get_node = asked
        cluster.shutdown()


def _ports() -> dict[str, int]:
    """Free ports for a node's agents: of those that they choose themselves it waits fifteen seconds to hear, and dies."""
    names = (
        "metrics_agent_port",
        "metrics_export_port",
        "dashboard_agent_listen_port",
        "runtime_env_agent_port",
    )
    with contextlib.ExitStack() as held:
        taken = {name: held.enter_context(socket.socket()) for name in names}
        for one in taken.values():
            one.bind(("", 0))
        return {name: one.getsockname()[1] for name, one in taken.items()}
