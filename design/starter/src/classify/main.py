"""Second component: one of four classes, from the features of an image. Run it with ``python main.py``."""

import argparse
from pathlib import Path

import numpy as np
from inference import load_and_inference

from design.annotations import component_name, device_constraints, exec_time


@component_name(name="classify")
@exec_time(local_time_thr=0.3, global_time_thr=1.0, prev_components=["extract"])
@device_constraints(ram=0.5, vram=0, use_gpu_for=[])
def main(args):
    """Read the features that the first component wrote, or make some up, and write the class."""
    features = np.load(args["input"]) if args["input"] else np.random.default_rng(0).random((1, 32))
    input_dict = {"features": features.astype(np.float32)}
    _, result = load_and_inference(args["onnx_file"], input_dict)
    Path(args["output"]).write_text(f"class {int(np.argmax(result[0]))}\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-i", "--input", help="Array saved by numpy.")
    parser.add_argument("-o", "--output", default="class.txt")
    parser.add_argument("--onnx_file", default=str(Path(__file__).resolve().parent / "onnx" / "classify.onnx"))
    main(vars(parser.parse_args()))
