"""Cut ONNX models: where a graph can be cut, which cuts pay, and the proof that the parts make the whole."""
