"""Which networks come along? Their graphs in plain ONNX, weights drawn at random; training fills them in."""
