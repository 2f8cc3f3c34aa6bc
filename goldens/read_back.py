"""Files that we write, opened by the frameworks they are for: the outputs must be ours.

    cargo run --release -p convnet-pretrained --example every_format -- goldens/pretrained/small.keras target/written/small
    cargo run --release -p convnet-pretrained --example every_format -- goldens/formats/torch.onnx target/written/torch
    python goldens/read_back.py target/written

So for every model that `read_back.json` names: files of `pretrained/` and `formats/`, and the real MobileNet 0.25.

Compares every layer that a framework shows with `expected/*.npy` and writes the largest difference, as a share of the
tensor's largest absolute value, into `read_back.json` beside this script. Run it with each Python that has one of the
frameworks: what the others found is kept.
"""

import importlib.util
import json
import os
import pathlib
import sys

os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import numpy as np

RESULT = pathlib.Path(__file__).parent / "read_back.json"
LIMIT = 1e-4


def has(*modules):
    return all(importlib.util.find_spec(module) for module in modules)


def difference(found, expected):
    assert found.shape == expected.shape, f"{found.shape} instead of {expected.shape}"
    return float(np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-30))


def compare(found, expected):
    """The largest difference of all layers that both have; the output must be among them."""
    assert "y" in found
    worst = max(difference(found[name], expected[name]) for name in found if name in expected)
    return {"layers": sum(name in expected for name in found), "largest_difference": float(f"{worst:.1e}")}


def keras_model(model, expected):
    import keras

    found = {"y": model.predict(expected["x"], verbose=0)}
    inner = [layer for layer in model.layers if layer.name in expected and not isinstance(layer, keras.layers.InputLayer)]
    tapped = keras.Model(model.inputs, [layer.output for layer in inner])
    outputs = tapped.predict(expected["x"], verbose=0)
    return found | {layer.name: y for layer, y in zip(inner, outputs if isinstance(outputs, list) else [outputs])}


def with_keras(folder, expected):
    import keras

    whole = keras.models.load_model(folder / "model.keras")
    yield ".keras", keras_model(whole, expected)
    yield ".h5", keras_model(keras.models.load_model(folder / "model.h5", compile=False), expected)
    other = keras.models.clone_model(whole)
    other.load_weights(folder / "model.weights.h5")
    yield ".weights.h5", keras_model(other, expected)


def with_onnxruntime(folder, expected):
    import onnx
    import onnxruntime

    model = onnx.load(folder / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    output = model.graph.output[0].name
    for node in model.graph.node:
        if node.output[0] in expected:
            model.graph.output.append(onnx.helper.make_tensor_value_info(node.output[0], onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    x = np.ascontiguousarray(expected["x"].transpose(0, 3, 1, 2))
    names = [value.name for value in session.get_outputs()]
    found = {}
    for name, y in zip(names, session.run(names, {session.get_inputs()[0].name: x})):
        found[name] = y.transpose(0, 2, 3, 1) if y.ndim == 4 else y
    found["y"] = found[output]
    yield ".onnx", found


def same_weights(name, found, keras):
    """Names and bits of all tensors: those of the model as Keras has it."""
    assert set(found) == set(keras), set(found) ^ set(keras)
    for path, value in keras.items():
        np.testing.assert_array_equal(found[path], value)
    return {"tensors": len(found), "largest_difference": 0.0}


def tensors(folder):
    """The tensors of the legacy file by h5py, under our paths."""
    import h5py

    found = {}
    with h5py.File(folder / "model.h5") as file:
        for layer in file["model_weights"].values():
            for name in layer.attrs.get("weight_names", []):
                name = name.decode() if isinstance(name, bytes) else name
                found[name] = np.asarray(layer[name])
    return found


def main(root):
    result = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        expected = {path.stem.replace("%", "/"): np.load(path) for path in (folder / "expected").glob("*.npy")}
        found = result.setdefault(folder.name, {})
        if has("keras", "h5py"):
            import keras

            for ending, outputs in with_keras(folder, expected):
                found[ending] = {"read_by": f"Keras {keras.__version__}"} | compare(outputs, expected)
            weights = tensors(folder)
            found[".npz"] = {"read_by": f"NumPy {np.__version__}"} | same_weights(
                ".npz", dict(np.load(folder / "model.npz")), weights)
            if has("safetensors"):
                from safetensors.numpy import load_file

                found[".safetensors"] = {"read_by": "safetensors"} | same_weights(
                    ".safetensors", load_file(folder / "model.safetensors"), weights)
        if has("onnx", "onnxruntime"):
            import onnxruntime

            for ending, outputs in with_onnxruntime(folder, expected):
                found[ending] = {"read_by": f"onnxruntime {onnxruntime.__version__}"} | compare(outputs, expected)
        for ending, entry in found.items():
            print(folder.name, ending, entry)
            assert entry["largest_difference"] <= LIMIT, f"{folder.name}{ending} differs"
    RESULT.write_text(json.dumps(result, indent=2, sort_keys=True) + "\n")


main(pathlib.Path(sys.argv[1]))
