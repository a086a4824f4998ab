"""Before anything runs: measure models and, later, decide what runs where.

onnx and onnxruntime are imported in this package only, and onnxruntime 1.29 and later report usage over the network
from their first import on unless the environment forbids it. Python runs this file before any other of the package.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
