"""Meydan: the comment section a newsroom owns. Approved or rejected, never edited."""

import os

__version__ = "0.1.0"

# Newer builds of onnxruntime tell their maker over the network how they are used, and leave an id of this machine in its
# user's folder for it. Read when the library is loaded, so before anything of ours loads it; its own call to end it comes too late.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
