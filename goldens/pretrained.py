"""Small files as Keras writes them, with what Keras computes from them; and VGG16's five pools with its real weights.

    python goldens/pretrained.py WEIGHTS/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5

Writes `pretrained/*.h5`, `pretrained/*.keras` and `pretrained.safetensors`. Needs Keras, h5py and safetensors. Archives hold the
date, so their bytes differ each time; weights and outputs do not.
"""

import json
import os
import pathlib
import shutil
import sys
import tempfile
import zipfile

os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import h5py
import keras
import numpy as np
from keras import layers
from safetensors.numpy import save_file
from vgg16_picture import BLOCKS, caffe

HERE = pathlib.Path(__file__).parent
FOLDER = HERE / "pretrained"
SAMPLES = 2000


def base():
    """A nested Sequential: Keras lists its weights with those that learn first."""
    return keras.Sequential(
        [
            keras.Input((13, 11, 3)),
            layers.Conv2D(6, (3, 2), name="first", use_bias=False),
            layers.BatchNormalization(name="first_bn", epsilon=1e-4, momentum=0.9),
            layers.ReLU(6.0, name="first_relu"),
            layers.DepthwiseConv2D(3, strides=2, padding="same", name="depth"),
            layers.BatchNormalization(name="depth_bn", scale=False),
            layers.Conv2D(8, 1, activation="relu", name="point"),
        ],
        name="base",
    )


def network():
    picture = keras.Input((13, 11, 3), name="picture")
    x = layers.RandomFlip("horizontal", name="flip")(picture)
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescaled")(x)
    x = base()(x)
    x = layers.ZeroPadding2D(((0, 1), (1, 0)), name="padded")(x)
    x = layers.MaxPooling2D(2, strides=1, padding="same", name="largest")(x)
    left = layers.Conv2D(8, 3, padding="same", dilation_rate=2, name="left")(x)
    right = layers.Conv2D(8, 1, name="right")(x)
    x = layers.Add(name="sum")([left, right])
    x = layers.Activation("relu", name="sum_relu")(x)
    x = layers.AveragePooling2D((2, 1), name="mean")(x)
    x = layers.GlobalAveragePooling2D(keepdims=True, name="global")(x)
    x = layers.Dropout(0.25, name="dropped")(x)
    x = layers.Conv2D(5, 1, name="scores")(x)
    x = layers.Reshape((5,), name="flat")(x)
    x = layers.Dense(4, activation="softmax", name="classes")(x)
    return keras.Model(picture, x, name="small")


def branches():
    """Layers that `small` does not have: groups, a separable convolution, channels side by side, the largest of a picture."""
    picture = keras.Input((12, 10, 4), name="picture")
    x = picture
    for random in AUGMENTATION:
        x = random(x)
    wide = layers.Conv2D(6, 3, groups=2, padding="same", activation="relu", name="grouped")(x)
    deep = layers.SeparableConv2D(5, (3, 2), padding="same", depth_multiplier=2, activation="relu", name="separable")(x)
    x = layers.Concatenate(name="side_by_side")([wide, deep, x])
    strided = layers.SeparableConv2D(4, 3, strides=2, use_bias=False, name="strided")(x)
    largest = layers.GlobalMaxPooling2D(name="largest")(strided)
    pixel = layers.GlobalMaxPooling2D(keepdims=True, name="pixel")(x)
    pixel = layers.Flatten(name="flat")(layers.Conv2D(3, 1, name="point")(pixel))
    x = layers.Concatenate(name="rows")([largest, pixel])
    return keras.Model(picture, layers.Dense(4, activation="softmax", name="classes")(x), name="branches")


# All that changes nothing when predicting; asserted below.
AUGMENTATION = [
    layers.RandomFlip(), layers.RandomRotation(0.1), layers.RandomZoom(0.1), layers.RandomTranslation(0.1, 0.1),
    layers.RandomContrast(0.2), layers.RandomShear(0.1), layers.RandomErasing(), layers.RandomGaussianBlur(),
    layers.RandomPerspective(), layers.RandomElasticTransform(),
    layers.GaussianNoise(0.3), layers.GaussianDropout(0.3), layers.AlphaDropout(0.3), layers.SpatialDropout2D(0.3),
    layers.ActivityRegularization(),
]
# Nor do these; some want three channels, and the legacy format cannot hold some.
OTHERS = [
    layers.RandomBrightness(0.2), layers.RandomColorDegeneration(0.5), layers.RandomColorJitter(), layers.RandomGrayscale(), layers.RandomHue(0.3),
    layers.RandomSaturation(0.3), layers.RandomSharpness(0.3), layers.RandomPosterization(4), layers.RandomInvert(),
    layers.Solarization(), layers.Equalization(), layers.RandAugment(), layers.AugMix(), layers.CutMix(), layers.MixUp(),
]


def assert_identities(random):
    x = random.integers(0, 256, (2, 9, 7, 3)).astype(np.float32)
    for layer in AUGMENTATION + OTHERS:
        call = {} if isinstance(layer, layers.ActivityRegularization) else {"training": False}
        assert np.array_equal(x, np.asarray(layer(x, **call))), layer.name


def fill(model, random):
    """Weights that no layer starts with, variances above 0."""
    for weight in model.weights:
        values = random.normal(0, 0.4, weight.shape)
        weight.assign(np.abs(values) + 0.5 if "variance" in weight.path else values)


def second_dialect(model, path):
    """The same network as Keras 2 wrote it: other JSON, names with `:0`, a list of names split over two attributes."""
    with tempfile.TemporaryDirectory() as folder:
        whole = pathlib.Path(folder) / "whole.h5"
        model.save(whole)
        config = json.loads(h5py.File(whole).attrs["model_config"])

    def rewrite(network):
        for layer in network["config"]["layers"]:
            layer.pop("module", None)
            settings = layer["config"]
            settings["dtype"] = "float32"
            if "batch_shape" in settings:
                settings["batch_input_shape"] = settings.pop("batch_shape")
            if layer["class_name"] in ("Sequential", "Functional"):
                rewrite(layer)
            if layer.get("inbound_nodes"):
                (call,) = layer["inbound_nodes"]
                inputs = call["args"][0]
                inputs = inputs if isinstance(inputs, list) else [inputs]
                layer["inbound_nodes"] = [[[*each["config"]["keras_history"], {}] for each in inputs]]
        for end in ("input_layers", "output_layers"):
            if end in network["config"]:
                network["config"][end] = [network["config"][end]]

    rewrite(config)
    config["class_name"] = "Model"
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = b"2.4.0"
        file.attrs["backend"] = b"tensorflow"
        file.attrs["model_config"] = json.dumps(config).encode()
        group = file.create_group("model_weights")
        names = [layer.name for layer in model.layers]
        half = len(names) // 2
        group.attrs["layer_names0"] = [name.encode() for name in names[:half]]
        group.attrs["layer_names1"] = [name.encode() for name in names[half:]]
        for layer in model.layers:
            inner = group.create_group(layer.name)
            weights = []
            for weight in layer.trainable_weights + layer.non_trainable_weights:
                if "seed" in weight.path:
                    continue
                scope, name = weight.path.split("/")[-2:]
                if scope == "depth" and name == "kernel":
                    name = "depthwise_kernel"
                weights.append(f"{scope}/{name}:0")
                inner[weights[-1]] = np.asarray(weight)
            inner.attrs["weight_names"] = [name.encode() for name in weights]


def packed(path, to):
    """The same archive, but deflated, as another tool may write it."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))


def pools(path):
    base = keras.applications.VGG16(weights=path, include_top=False, input_shape=(150, 150, 3))
    names = [f"block{block}_pool" for block in range(1, len(BLOCKS) + 1)]
    taps = keras.Model(base.input, [base.get_layer(name).output for name in names])
    tensors = {}
    for name, pool in zip(names, taps.predict(caffe().astype(np.float32)[None], verbose=0)):
        flat = pool.ravel()
        # A step that shares no factor with any size visits places all over.
        tensors[name] = flat[np.arange(SAMPLES) * 1_000_003 % flat.size]
        tensors[f"{name}/scale"] = np.abs(flat).max(keepdims=True)
    return tensors


def main(weights):
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    random = np.random.default_rng(14)
    model = network()
    fill(model, random)
    x = random.integers(0, 256, (3, 13, 11, 3)).astype(np.float32)
    model.save(FOLDER / "small.keras")
    packed(FOLDER / "small.keras", FOLDER / "packed.keras")
    model.save(FOLDER / "small.h5")
    model.save_weights(FOLDER / "small.weights.h5")
    with h5py.File(FOLDER / "weights_only.h5", "w") as file:
        from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

        save_weights_to_hdf5_group(file, model)
    second_dialect(model, FOLDER / "keras2.h5")
    inner = keras.Model(model.input, [model.get_layer("base").output, model.output])
    y_base, y = inner.predict(x, verbose=0)
    assert_identities(random)
    model = branches()
    fill(model, random)
    model.save(FOLDER / "branches.keras")
    model.save(FOLDER / "branches.h5")
    pictures = random.normal(0, 1, (3, 12, 10, 4)).astype(np.float32)
    names = ["grouped", "separable", "side_by_side", "strided", "rows"]
    inner = keras.Model(model.input, [model.get_layer(name).output for name in names] + [model.output])
    found = dict(zip([*names, "y"], inner.predict(pictures, verbose=0)), x=pictures)
    found = {f"branches/{name}": value for name, value in found.items()}
    save_file({"x": x, "base": y_base, "y": y, **found, **pools(weights)}, HERE / "pretrained.safetensors")


main(sys.argv[1])
