"""Graphs as exporters write them, with what onnxruntime computes in each layer.

    python goldens/onnx_graphs.py

Writes `formats/*.onnx` and `onnx.safetensors`. Needs onnx, onnxruntime, numpy and safetensors. Run it after `formats.py`,
which empties the folder and leaves PyTorch's own export there.
"""

import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).parent
FOLDER = HERE / "formats"


class Graph:
    """A graph that grows node by node; a value is called as its node."""

    def __init__(self, seed, shape, opset):
        self.random = np.random.default_rng(seed)
        self.nodes, self.weights, self.inputs = [], [], []
        self.shape, self.opset = shape, opset

    def weight(self, name, *shape, scale=0.4, values=None, dtype=np.float32):
        values = self.random.normal(0, scale, shape) if values is None else np.asarray(values)
        self.weights.append(numpy_helper.from_array(values.astype(dtype), name))
        return name

    def add(self, operation, name, *inputs, **attributes):
        self.nodes.append(helper.make_node(operation, inputs, [name], name=name, **attributes))
        return name

    def norm(self, name, x, channels):
        weights = [self.weight(f"{name}.{part}", channels) for part in ("weight", "bias", "running_mean")]
        variance = self.weight(f"{name}.running_var", values=self.random.uniform(0.5, 1.5, channels))
        return self.add("BatchNormalization", name, x, *weights, variance, epsilon=1e-3)

    def conv(self, name, x, inputs, outputs, kernel, bias=True, **attributes):
        weights = [self.weight(f"{name}.weight", outputs, inputs, *kernel)]
        if bias:
            weights.append(self.weight(f"{name}.bias", outputs))
        return self.add("Conv", name, x, *weights, kernel_shape=kernel, **attributes)

    def dense(self, name, x, inputs, outputs, turned):
        kernel = self.weight(f"{name}.weight", *((outputs, inputs) if turned else (inputs, outputs)))
        return self.add("Gemm", name, x, kernel, self.weight(f"{name}.bias", outputs), transB=int(turned))

    def model(self, output, rank=2):
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shape)
        y = helper.make_tensor_value_info(output, TensorProto.FLOAT, [f"y{axis}" for axis in range(rank)])
        graph = helper.make_graph(self.nodes, "graph", [x, *self.inputs], [y], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)
        onnx.checker.check_model(model)
        return model


def operations():
    """Every operation that has no graph of its own."""
    g = Graph(1, ["N", 3, 12, 10], 13)
    x = g.add("Sub", "shifted", "x", g.weight("mean", values=0.1))
    x = g.add("Div", "scaled", x, g.weight("deviation", values=[0.5]))
    pads = g.weight("pads", values=[0, 0, 1, 0, 0, 0, 0, 1], dtype=np.int64)
    x = g.add("Pad", "padded", x, pads)
    x = g.conv("lower", x, 3, 6, (4, 3), strides=(2, 2), auto_pad="SAME_LOWER")
    x = g.add("Clip", "clipped", x, g.weight("zero", values=0.0), g.weight("six", values=6.0))
    x = g.add("MaxPool", "largest", x, kernel_shape=(2, 2), strides=(2, 2), ceil_mode=1)
    x = g.add("AveragePool", "mean_counted", x, kernel_shape=(2, 2), pads=(1, 0, 0, 1), count_include_pad=1)
    x = g.conv("narrow", x, 1, 12, (3, 3), group=6, pads=(1, 1, 1, 1), dilations=(1, 1))
    x = g.add("AveragePool", "mean_bare", x, kernel_shape=(3, 3), pads=(1, 1, 1, 1))
    x = g.conv("biased", x, 12, 8, (1, 1), bias=False)
    x = g.add("Add", "biased_sum", x, g.weight("biased.added", 1, 8, 1, 1))
    left = g.add("Relu", "left", x)
    right = g.add("Sigmoid", "right", x)
    x = g.add("Sum", "joined", left, right, x)
    x = g.add("Softmax", "channels", x, axis=1)
    x = g.add("ReduceMean", "global", x, axes=(2, 3), keepdims=1)
    x = g.add("Squeeze", "row", x, g.weight("axes", values=[2, 3], dtype=np.int64))
    x = g.add("MatMul", "product", x, g.weight("scores/kernel", 8, 5))
    x = g.add("Add", "product_sum", g.weight("scores/bias", 5), x)
    x = g.add("Dropout", "dropped", x, g.weight("ratio", values=0.25))
    x = g.add("Identity", "same", x)
    x = g.add("Softmax", "y", x)
    layers = {"lower": "lower", "clipped": "clipped", "largest": "largest", "mean_counted_1": "mean_counted",
              "narrow": "narrow", "mean_bare": "mean_bare", "biased": "biased_sum", "left": "left",
              "right": "right", "joined": "joined", "channels": "channels", "scores": "product_sum"}
    return g.model(x), layers


def rows():
    """A picture flattened channel by channel through shapes that are computed, then pixel by pixel."""
    g = Graph(2, ["N", 2, 6, 5], 13)
    x = g.conv("first", "x", 2, 4, (3, 2))
    shape = g.add("Shape", "shape", x)
    batch = g.add("Gather", "batch", shape, g.weight("first_axis", values=0, dtype=np.int64), axis=0)
    batch = g.add("Unsqueeze", "batch_axis", batch, g.weight("axes", values=[0], dtype=np.int64))
    target = g.add("Concat", "target", batch, g.weight("rest", values=[-1], dtype=np.int64), axis=0)
    row = g.add("Reshape", "row", x, target)
    row = g.norm("row_norm", row, 64)
    row = g.add("Relu", "row_relu", row)
    a = g.dense("by_channel", row, 64, 7, turned=True)
    pixels = g.add("Transpose", "pixels", x, perm=(0, 2, 3, 1))
    flat = g.add("Flatten", "flat", pixels, axis=1)
    b = g.dense("by_pixel", flat, 64, 7, turned=False)
    turned = g.add("Transpose", "turned", g.weight("late.weight", 7, 64), perm=(1, 0))
    c = g.add("MatMul", "late", row, turned)
    x = g.add("Add", "ab", a, b)
    x = g.add("Add", "y", x, c)
    return g.model(x), {"by_channel": "by_channel", "by_pixel": "by_pixel", "late": "late", "ab": "ab"}


def channels_last():
    """As exporters of TensorFlow write: pictures come channels last, weights in Constant nodes, sizes written down."""
    g = Graph(3, [1, 12, 10, 3], 13)
    x = g.add("Mul", "rescaled", "x", g.weight("scale", values=2.0))
    x = g.add("Add", "offset", x, g.weight("minus_one", values=-1.0))
    x = g.add("Transpose", "first_order", x, perm=(0, 3, 1, 2))
    x = g.conv("model/conv/Conv2D", x, 3, 5, (3, 3), strides=(2, 2), auto_pad="SAME_UPPER")
    x = g.norm("model/norm/FusedBatchNorm", x, 5)
    x = g.add("Relu", "relu", x)
    x = g.add("Transpose", "last_order", x, perm=(0, 2, 3, 1))
    x = g.add("Reshape", "flat", x, g.weight("target", values=[-1, 150], dtype=np.int64))
    x = g.add("MatMul", "model/dense/MatMul", x, g.weight("model/dense/kernel", 150, 4))
    x = g.add("Add", "model/dense/BiasAdd", x, g.weight("model/dense/bias", 4))
    x = g.add("Softmax", "y", x, axis=-1)
    constants = [helper.make_node("Constant", [], [weight.name], value=weight) for weight in g.weights]
    g.nodes, g.weights = constants + g.nodes, []
    return g.model(x), {"model.conv.Conv2D": "model/conv/Conv2D", "relu": "relu", "model.dense": "model/dense/BiasAdd"}


def old():
    """Version 9 of the operations: settings as attributes, initial values as inputs too, numbers not raw."""
    g = Graph(4, ["N", 3, 9, 8], 9)
    x = g.add("Pad", "padded", "x", pads=(0, 0, 0, 1, 0, 0, 1, 0), mode="constant")
    x = g.conv("conv", x, 3, 4, (3, 3), strides=(2, 2))
    x = g.norm("norm", x, 4)
    x = g.add("Clip", "clipped", x, min=0.0, max=6.0)
    x = g.add("GlobalAveragePool", "mean", x)
    x = g.add("Squeeze", "row", x, axes=(2, 3))
    x = g.add("Dropout", "dropped", x, ratio=0.5)
    x = g.dense("dense", x, 4, 3, turned=True)
    x = g.add("Softmax", "y", x)
    for weight in g.weights:
        array = numpy_helper.to_array(weight)
        weight.CopyFrom(helper.make_tensor(weight.name, weight.data_type, array.shape, array.ravel()))
        g.inputs.append(helper.make_tensor_value_info(weight.name, weight.data_type, array.shape))
    return g.model(x), {"conv": "conv", "norm": "norm", "clipped": "clipped", "dense": "dense"}


def branches():
    """Groups, and channels and rows side by side."""
    g = Graph(8, ["N", 4, 9, 8], 18)
    wide = g.conv("wide", "x", 2, 6, (3, 3), group=2, pads=(1, 1, 1, 1))
    deep = g.conv("deep", "x", 4, 3, (1, 1))
    both = g.add("Concat", "both", wide, deep, "x", axis=1)
    left = g.conv("left", both, 13, 5, (3, 2), strides=(2, 1), bias=False)
    left = g.add("Flatten", "left_row", g.add("GlobalMaxPool", "left_pixel", left))
    right = g.add("ReduceMax", "right", both, g.weight("axes", values=[2, 3], dtype=np.int64), keepdims=0)
    rows = g.add("Concat", "rows", left, right, axis=-1)
    return g.model(g.dense("y", rows, 18, 3, turned=True)), {"wide": "wide", "both": "both", "right": "right", "rows": "rows"}


def unsupported():
    """Eight things that are not supported, one behind the other."""
    g = Graph(5, ["N", 4, 8, 8], 13)
    x = g.add("Concat", "below", "x", "x", axis=2)
    x = g.add("LeakyRelu", "leaky", x)
    x = g.add("MaxPool", "gaps", x, kernel_shape=(2, 2), dilations=(2, 2))
    x = g.add("Clip", "shifted", x, g.weight("one", values=1.0), g.weight("two", values=2.0))
    x = g.add("Resize", "resized", x, "", g.weight("scales", values=[1, 1, 2, 2]))
    x = g.add("Pad", "mirrored", x, g.weight("pads", values=[0, 0, 1, 1, 0, 0, 1, 1], dtype=np.int64), mode="reflect")
    x = g.add("Flatten", "flat", x, axis=2)
    x = g.add("Gemm", "scaled", x, g.weight("scaled.weight", 12, 3), alpha=2.0)
    return g.model(x)


def elsewhere():
    """A kernel that another file is said to hold."""
    g = Graph(6, ["N", 3, 8, 8], 13)
    model = g.model(g.conv("conv", "x", 3, 4, (3, 3)), rank=4)
    kernel = model.graph.initializer[0]
    kernel.ClearField("raw_data")
    kernel.data_location = TensorProto.EXTERNAL
    for key, value in [("location", "../../secret.bin"), ("offset", "0"), ("length", "432")]:
        kernel.external_data.add(key=key, value=value)
    return model


def nhwc(array, last):
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1) if array.ndim == 4 and not last else array)


def run(model, name, layers, found, last=False):
    onnx.save(model, FOLDER / f"{name}.onnx")
    shape = [3 if extent == "N" else extent for extent in
             [d.dim_param or d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]]
    x = np.random.default_rng(7).uniform(-1, 1, shape).astype(np.float32)
    tapped = onnx.ModelProto()
    tapped.CopyFrom(model)
    known = {output.name for output in tapped.graph.output}
    for value in sorted(set(layers.values()) - known):
        tapped.graph.output.append(helper.make_tensor_value_info(value, TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(tapped.SerializeToString(), providers=["CPUExecutionProvider"])
    values = dict(zip([o.name for o in session.get_outputs()], session.run(None, {"x": x})))
    found[f"{name}/x"] = nhwc(x, last)
    found[f"{name}/y"] = nhwc(values[model.graph.output[0].name], False)
    for layer, value in layers.items():
        found[f"{name}/{layer}"] = nhwc(values[value], False)


def main():
    found = {}
    for name, make in [("operations", operations), ("rows", rows), ("channels_last", channels_last), ("old", old),
                       ("branches", branches)]:
        model, layers = make()
        run(model, name, layers, found, last=name == "channels_last")
    onnx.save(unsupported(), FOLDER / "unsupported.onnx")
    onnx.save(elsewhere(), FOLDER / "elsewhere.onnx")
    save_file(found, HERE / "onnx.safetensors")


main()
