"""First component: what an image looks like, in 32 numbers. Run it with ``python main.py``."""

import argparse
from pathlib import Path

import numpy as np
from inference import load_and_inference

from design.annotations import component_name, exec_time, expected_throughput, partitionable_model


@component_name(name="extract")
@exec_time(local_time_thr=0.5)
@expected_throughput(rate=2)
@partitionable_model(onnx_file="extract.onnx", num_partitions=2)
def main(args):
    """Read an image of 3 × 64 × 64 numbers, or make one up, and write its features."""
    image = np.load(args["input"]) if args["input"] else np.random.default_rng(0).random((1, 3, 64, 64))
    input_dict = {"image": image.astype(np.float32)}
    return_dict, result = load_and_inference(args["onnx_file"], input_dict)
    with open(args["output"], "wb") as output:
        np.save(output, result[0])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-i", "--input", help="Array saved by numpy.")
    parser.add_argument("-o", "--output", default="features.npy")
    parser.add_argument("--onnx_file", default=str(Path(__file__).resolve().parent / "onnx" / "extract.onnx"))
    main(vars(parser.parse_args()))
