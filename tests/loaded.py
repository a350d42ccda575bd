"""What a process has loaded from which tests/warm.py forks commands."""

import pytest  # noqa: F401  (the main module of whoever forks)

import meydan.cli.main
import meydan.web.app
import meydan.web.serve
import meydan.wiring  # noqa: F401
from meydan.judge import Judge
from tests.ready import keep_the_judge

keep_the_judge()
Judge.load()
