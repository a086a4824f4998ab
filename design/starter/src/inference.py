"""Runs an ONNX model, or one segment of it."""

import onnxruntime


def load_and_inference(onnx_file, input_dict):
    """Return all outputs by name, with the entries of *input_dict* that the model does not take, and their list."""
    session = onnxruntime.InferenceSession(onnx_file, providers=["CPUExecutionProvider"])
    taken = {one.name for one in session.get_inputs()}
    names = [one.name for one in session.get_outputs()]
    values = session.run(names, {name: value for name, value in input_dict.items() if name in taken})
    passed_on = {name: value for name, value in input_dict.items() if name not in taken}
    return {**passed_on, **dict(zip(names, values, strict=True))}, values
