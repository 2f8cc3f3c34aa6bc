"""Goldens from Keras 3: every layer, loss, optimiser and schedule, and the digits convnet.

  python goldens/make.py           writes the *.safetensors files beside this script
  python goldens/make.py --check   computes everything again in float64 and prints how far the files are from it

Needs `pip install tensorflow-cpu safetensors`; versions and the naming scheme are in README.md. Feature maps are NHWC,
convolution kernels HWIO, dense kernels [inputs, units]. All tensors are f32, labels too. Each case draws from its own
random stream, so adding a case changes no other.

Inputs, kernels and `dy` of the convolutions, linear and ReLU dense layers, poolings and Add are small multiples of 1/32 or
1/64. Every product and every partial sum is then exact in f32, so any order of summation must give the golden bit for bit,
and a ReLU never decides differently because of rounding. (Averages divide by 9 or 6 and are rounded once or twice.)

What is easy to get wrong, as read in the source of Keras 3.15 and seen in its results:

Padding     `same` gives ceil(n / stride) outputs; total padding is max((outputs - 1) * stride + (kernel - 1) * dilation + 1
            - n, 0), half of it rounded down goes before, the rest after. With stride 2 and a 3-wide kernel an even n pads
            0 before and 1 after, an odd n 1 and 1. Stride and dilation above 1 together are refused.
Max-pool    Padding never wins (it is minus infinity, not 0). Among equal values the first in row order gets the gradient;
            overlapping windows add up.
Avg-pool    The divisor is the number of true positions in the window: padding counts for nothing.
ReLU        The derivative is 0 at 0, and 0 at `max_value` too.
Dense       Softmax and sigmoid are part of the layer, as its activation.
BatchNorm   Training normalises with the biased variance of the batch over N, H and W, and the moving variance takes the same
            biased one: moving = moving * momentum + batch * (1 - momentum), momentum 0.99, epsilon 1e-3 inside the root. The
            new statistics exist after the call, before backward. A layer with trainable=False predicts (moving
            statistics, left alone) even if it is called with training=True. The gradient of x runs through mean and variance.
Losses      `fit` divides by the number of pictures in the batch, never by the sum of the weights: mean(weight * loss). A
            class that `class_weight` does not name has weight 1. Smoothing s over K classes: target * (1 - s) + s / K, over
            the two of a binary loss: target * (1 - s) + s / 2. Binary cross-entropy averages over the last axis. A loss on
            the output of a softmax or sigmoid goes back to the logits by itself, so that it never takes the log of 0.
Epsilon     RMSprop: inside the root. Adam and AdamW: outside it, and not scaled by the bias correction. 1e-7 in each.
Momentum    SGD: the velocity includes the learning rate and is added. RMSprop: likewise, but subtracted.
AdamW       Decay comes first and uses the learning rate of this step: w -= w * decay * lr; then Adam moves the decayed w by the
            gradient taken before. Every parameter decays, biases too, unless excluded. 0.004 by default.
Clipping    Clipping comes before decay and update. `clipnorm` is per parameter, `global_clipnorm` over all; both multiply
            by c / max(norm, c).
Schedules   The first update takes the rate at step 0; the step counter is raised after it. In CosineDecay `decay_steps`
            counts from the end of the warm-up: the rate is 0 at warmup_steps + decay_steps. Warm-up step 0 has exactly the initial rate.
"""
import json
import os
import pathlib
import sys
import zlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # plain kernels: one order of summation on every machine

import keras
import numpy as np
import tensorflow as tf
from keras import layers, losses, optimizers
from safetensors import safe_open
from safetensors.numpy import save

CHECK = "--check" in sys.argv[1:]
FLOAT = "float64" if CHECK else "float32"
HERE = pathlib.Path(__file__).parent
keras.config.set_floatx(FLOAT)
keras.utils.set_random_seed(1)
tf.config.experimental.enable_op_determinism()


class Golden:
    """One file in the making: tensors named `case/tensor` and what each case is."""

    def __init__(self):
        self.tensors, self.cases = {}, {}

    def add(self, case, what, config, **tensors):
        assert case not in self.cases, case
        self.cases[case] = json.loads(json.dumps({"class": what, "config": config}))
        for name, value in tensors.items():
            self.tensors[f"{case}/{name}"] = np.ascontiguousarray(value, np.float64 if CHECK else np.float32)

    def finish(self, name):
        path = HERE / name
        if not CHECK:
            # One metadata key: the order of several would differ from run to run.
            path.write_bytes(save(self.tensors, {"cases": json.dumps(self.cases)}))
            print(f"{name}: {len(self.cases)} cases, {len(self.tensors)} tensors, {path.stat().st_size:,} bytes")
            return
        with safe_open(path, "np") as file:
            assert json.loads(file.metadata()["cases"]) == self.cases, f"{name} describes other cases"
            assert sorted(file.keys()) == sorted(self.tensors), f"{name} holds other tensors"
            errors = {}
            for key, value in self.tensors.items():
                # Half an ulp belongs to the file itself; the scale of a tensor is its largest absolute value.
                scale = np.abs(value).max() or 1
                errors[key] = np.abs(file.get_tensor(key) - value).max() / scale
        print(f"{name}: largest distance from float64, as a share of the tensor's scale")
        for key in sorted(errors, key=errors.get, reverse=True)[:12]:
            print(f"  {errors[key]:.1e}  {key}")


def stream(case):
    return np.random.default_rng(zlib.crc32(case.encode()))


def grid(rng, shape, limit=2.0, step=1 / 32):
    """Random multiples of `step` between -limit and limit."""
    return (rng.integers(-round(limit / step), round(limit / step) + 1, shape) * step).astype(FLOAT)


def distinct(rng, shape):
    """Values that all differ (no ties for a maximum), of both signs, multiples of 1/64."""
    n = int(np.prod(shape))
    return ((rng.permutation(n) - n // 2) / 64).reshape(shape).astype(FLOAT)


def normal(rng, shape, scale=1.0):
    """Normal values rounded to f32, so that both precisions start from the same numbers."""
    return (rng.standard_normal(shape) * scale).astype("float32").astype(FLOAT)


# ---------------------------------------------------------------------------------------------------------- layers

KEPT = {
    "Conv2D": ["filters", "kernel_size", "strides", "padding", "dilation_rate", "groups", "activation", "use_bias"],
    "DepthwiseConv2D": ["kernel_size", "strides", "padding", "dilation_rate", "depth_multiplier", "activation", "use_bias"],
    "SeparableConv2D": [
        "filters", "kernel_size", "strides", "padding", "dilation_rate", "depth_multiplier", "activation", "use_bias"
    ],
    "ZeroPadding2D": ["padding"],
    "Dense": ["units", "activation", "use_bias"],
    "MaxPooling2D": ["pool_size", "strides", "padding"],
    "AveragePooling2D": ["pool_size", "strides", "padding"],
    "GlobalAveragePooling2D": ["keepdims"],
    "GlobalMaxPooling2D": ["keepdims"],
    "Flatten": [],
    "Reshape": ["target_shape"],
    "Dropout": ["rate"],
    "BatchNormalization": ["axis", "momentum", "epsilon", "center", "scale", "trainable"],
    "ReLU": ["max_value"],
    "Softmax": ["axis"],
    "Activation": ["activation"],
    "Rescaling": ["scale", "offset"],
    "Add": [],
    "Concatenate": ["axis"],
}


def config_of(layer):
    whole = layer.get_config()
    return {key: whole[key] for key in KEPT[type(layer).__name__]}


def differentiate(layer, inputs, dy, **call):
    """Output of a layer, and the gradients of its inputs and its trainable weights for the upstream gradient `dy`."""
    inputs = [tf.constant(x) for x in inputs]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = layer(inputs if isinstance(layer, (layers.Add, layers.Concatenate)) else inputs[0], **call)
    variables = [w.value for w in layer.trainable_weights]
    gradients = tape.gradient(y, inputs + variables, output_gradients=tf.constant(dy))
    return y.numpy(), [g.numpy() for g in gradients]


def layer_case(golden, case, layer, x, draw, weight=None, **call):
    """A layer with one input; `draw` makes the upstream gradient, `weight` the weights."""
    rng = stream(case + " weights")
    layer.build(x.shape)
    weights = {w.name: weight(rng, w.shape) for w in layer.weights}
    layer.set_weights(list(weights.values()))
    dy = draw(rng, layer.compute_output_shape(x.shape))
    y, (dx, *gradients) = differentiate(layer, [x], dy, **call)
    tensors = dict(x=x, **weights, y=y, dy=dy, dx=dx)
    tensors |= {f"d{w.name}": g for w, g in zip(layer.trainable_weights, gradients)}
    golden.add(case, type(layer).__name__, config_of(layer) | call, **tensors)
    return tensors


def make_layers():
    golden = Golden()

    def exact(case, layer, shape, x=grid):
        layer_case(golden, case, layer, x(stream(case), shape), grid, lambda rng, s: grid(rng, s, 0.5, 1 / 64))

    def rounded(case, layer, x):
        layer_case(golden, case, layer, x, normal, lambda rng, s: normal(rng, s, 0.5))

    conv = layers.Conv2D
    exact("conv2d_linear", conv(4, 3), (2, 7, 6, 3))
    exact("conv2d_relu", conv(4, 3, activation="relu"), (2, 7, 6, 3))
    exact("conv2d_no_bias", conv(5, 3, use_bias=False), (2, 5, 6, 2))
    exact("conv2d_one_channel_relu", conv(8, 3, activation="relu"), (2, 8, 9, 1))
    exact("conv2d_same", conv(4, 3, padding="same"), (2, 7, 6, 3))
    exact("conv2d_same_relu", conv(4, 3, padding="same", activation="relu"), (2, 6, 5, 3))
    exact("conv2d_same_kernel2", conv(3, 2, padding="same"), (2, 5, 6, 2))
    exact("conv2d_valid_stride2_odd", conv(4, 3, strides=2), (2, 9, 7, 3))
    exact("conv2d_valid_stride2_even", conv(4, 3, strides=2), (2, 8, 6, 3))
    exact("conv2d_same_stride2_odd", conv(4, 3, strides=2, padding="same"), (2, 9, 7, 3))
    exact("conv2d_same_stride2_even", conv(4, 3, strides=2, padding="same"), (2, 8, 6, 3))
    exact("conv2d_same_stride2_mixed_relu", conv(4, 3, strides=2, padding="same", activation="relu"), (2, 7, 8, 3))
    exact("conv2d_same_stride3_kernel2", conv(3, 2, strides=3, padding="same"), (2, 8, 7, 2))  # some rows are never read
    exact("conv2d_same_stride2x1", conv(3, 3, strides=(2, 1), padding="same"), (2, 7, 6, 2))
    exact("conv2d_valid_dilation2", conv(3, 3, dilation_rate=2), (2, 9, 8, 2))
    exact("conv2d_same_dilation2", conv(3, 3, dilation_rate=2, padding="same"), (2, 7, 6, 2))
    exact("conv2d_same_dilation2x3", conv(3, 3, dilation_rate=(2, 3), padding="same"), (1, 8, 9, 2))
    exact("conv2d_1x1", conv(6, 1), (2, 4, 5, 3))
    exact("conv2d_1x1_stride2", conv(6, 1, strides=2, padding="same"), (2, 5, 4, 3))
    exact("conv2d_kernel5x3", conv(4, (5, 3)), (2, 8, 7, 3))
    exact("conv2d_same_kernel5x3_relu", conv(4, (5, 3), padding="same", activation="relu"), (2, 6, 7, 3))
    exact("conv2d_17_to_33_channels_relu", conv(33, 3, activation="relu"), (2, 5, 7, 17))
    exact("conv2d_16_to_32_channels_same", conv(32, 3, padding="same"), (1, 6, 5, 16))

    exact("conv2d_groups2_relu", conv(6, 3, groups=2, activation="relu"), (2, 6, 7, 4))
    exact("conv2d_groups3_same_stride2", conv(3, 3, groups=3, strides=2, padding="same"), (2, 7, 6, 6))
    exact("conv2d_groups4_no_bias", conv(8, (2, 3), groups=4, use_bias=False), (1, 5, 6, 4))

    separable = layers.SeparableConv2D
    exact("separable_conv2d_valid", separable(5, 3), (2, 7, 6, 3))
    exact("separable_conv2d_same_relu", separable(4, 3, padding="same", activation="relu"), (2, 6, 5, 6))
    exact("separable_conv2d_multiplier2_stride2", separable(6, (3, 2), strides=2, depth_multiplier=2), (1, 8, 7, 3))
    exact("separable_conv2d_no_bias_dilation2", separable(3, 3, dilation_rate=2, use_bias=False), (1, 8, 9, 2))

    depthwise = layers.DepthwiseConv2D
    exact("depthwise_conv2d_valid", depthwise(3), (2, 7, 6, 3))
    exact("depthwise_conv2d_same_relu", depthwise(3, padding="same", activation="relu"), (2, 6, 9, 5))
    exact("depthwise_conv2d_no_bias", depthwise(3, padding="same", use_bias=False), (1, 7, 8, 17))
    exact("depthwise_conv2d_valid_stride2", depthwise(3, strides=2), (2, 9, 7, 3))
    exact("depthwise_conv2d_same_stride2_odd", depthwise(3, strides=2, padding="same"), (2, 9, 7, 3))
    exact("depthwise_conv2d_same_stride2_even", depthwise(3, strides=2, padding="same"), (2, 8, 6, 3))
    exact("depthwise_conv2d_same_dilation2", depthwise(3, dilation_rate=2, padding="same"), (2, 7, 6, 2))
    exact("depthwise_conv2d_multiplier2_relu", depthwise(3, depth_multiplier=2, activation="relu"), (2, 6, 5, 3))
    exact("depthwise_conv2d_multiplier3_same_stride2", depthwise(3, strides=2, depth_multiplier=3, padding="same"), (1, 7, 8, 2))
    exact("depthwise_conv2d_kernel5x2", depthwise((5, 2)), (2, 8, 7, 4))
    exact("zero_padding2d", layers.ZeroPadding2D(((0, 1), (0, 1))), (2, 4, 5, 3))
    exact("zero_padding2d_all_sides", layers.ZeroPadding2D(((1, 2), (3, 0))), (2, 4, 3, 2))

    exact("dense_linear", layers.Dense(6), (5, 7))
    exact("dense_relu", layers.Dense(19, activation="relu"), (3, 33))
    exact("dense_no_bias", layers.Dense(4, use_bias=False), (5, 3))
    rounded("dense_softmax", layers.Dense(10, activation="softmax"), normal(stream("dense_softmax"), (4, 9)))
    rounded("dense_sigmoid", layers.Dense(1, activation="sigmoid"), normal(stream("dense_sigmoid"), (6, 9)))

    for kind, pool in (("max", layers.MaxPooling2D), ("average", layers.AveragePooling2D)):
        exact(f"{kind}_pooling2d_2x2", pool(2), (2, 6, 8, 3), distinct)
        exact(f"{kind}_pooling2d_2x2_odd", pool(2), (2, 7, 5, 3), distinct)  # the last row and column are dropped
        exact(f"{kind}_pooling2d_2x2_same_odd", pool(2, padding="same"), (2, 7, 5, 3), distinct)
        exact(f"{kind}_pooling2d_2x2_stride1", pool(2, strides=1), (1, 5, 6, 2), distinct)
        exact(f"{kind}_pooling2d_3x3_stride2_valid", pool(3, strides=2), (2, 8, 7, 3), distinct)
        exact(f"{kind}_pooling2d_3x3_stride2_same_odd", pool(3, strides=2, padding="same"), (2, 7, 9, 3), distinct)
        exact(f"{kind}_pooling2d_3x3_stride2_same_even", pool(3, strides=2, padding="same"), (2, 8, 6, 3), distinct)
        exact(f"{kind}_pooling2d_3x2_stride1x2", pool((3, 2), strides=(1, 2)), (2, 6, 7, 2), distinct)
    # Few different values, so that most windows have several maxima; all negative, so that a padding of 0 would win.
    few = lambda rng, shape: rng.integers(-3, 0, shape).astype(FLOAT)
    exact("max_pooling2d_2x2_ties", layers.MaxPooling2D(2), (2, 6, 6, 2), few)
    exact("max_pooling2d_3x3_stride2_same_ties", layers.MaxPooling2D(3, strides=2, padding="same"), (2, 7, 6, 2), few)
    exact("global_average_pooling2d", layers.GlobalAveragePooling2D(), (3, 5, 4, 6))
    exact("global_average_pooling2d_keepdims", layers.GlobalAveragePooling2D(keepdims=True), (3, 5, 4, 6))
    # All values differ: Keras divides the gradient among equal maxima, here the first gets it, as in PyTorch.
    exact("global_max_pooling2d", layers.GlobalMaxPooling2D(), (3, 5, 4, 6), distinct)
    exact("global_max_pooling2d_keepdims", layers.GlobalMaxPooling2D(keepdims=True), (3, 5, 4, 6), distinct)
    exact("flatten", layers.Flatten(), (2, 3, 4, 5))
    exact("reshape", layers.Reshape((-1, 6)), (2, 3, 4, 5))
    exact("dropout_predicting", layers.Dropout(0.5), (2, 3, 4, 5))

    make_batch_normalization(golden)

    edges = np.array([[-7, -0.5, 0, 0.5, 5.5, 6, 6.5, 100]], FLOAT)
    for case, layer in (("relu", layers.ReLU()), ("relu_max6", layers.ReLU(max_value=6.0)), ("relu_max1", layers.ReLU(max_value=1.0))):
        x = np.concatenate([edges, grid(stream(case), (5, 8), 8.0)])
        layer_case(golden, case, layer, x, grid)
    x = normal(stream("softmax"), (5, 7), 2.0)
    x[0] = [100, -100, 99, 0, 0, 50, 98]
    rounded("softmax", layers.Softmax(), x)
    rounded("softmax_feature_map", layers.Softmax(), normal(stream("softmax_feature_map"), (2, 3, 2, 5), 2.0))
    x = normal(stream("sigmoid"), (5, 8), 3.0)
    x[0] = [-100, -30, -1, 0, 1, 10, 30, 100]
    rounded("sigmoid", layers.Activation("sigmoid"), x)
    x = stream("rescaling").integers(0, 256, (2, 3, 4, 3)).astype(FLOAT)
    layer_case(golden, "rescaling", layers.Rescaling(1 / 127.5, offset=-1.0), x, grid)

    rng = stream("add")
    x0, x1, dy = (grid(rng, (2, 4, 3, 5)) for _ in range(3))
    add = layers.Add()
    y, (dx0, dx1) = differentiate(add, [x0, x1], dy)
    golden.add("add", "Add", config_of(add), x0=x0, x1=x1, y=y, dy=dy, dx0=dx0, dx1=dx1)

    for case, shape, channels in (("concatenate", (2, 4, 3), (5, 1, 3)), ("concatenate_rows", (4,), (3, 6, 2))):
        rng = stream(case)
        x = [grid(rng, (*shape, extent)) for extent in channels]
        dy, join = grid(rng, (*shape, sum(channels))), layers.Concatenate()
        y, dx = differentiate(join, x, dy)
        inputs = {f"x{place}": value for place, value in enumerate(x)}
        golden.add(case, "Concatenate", config_of(join), **inputs, y=y, dy=dy,
                   **{f"dx{place}": value for place, value in enumerate(dx)})
    golden.finish("layers.safetensors")


def make_batch_normalization(golden):
    def positive(rng, shape):
        return np.abs(normal(rng, shape)) + np.asarray(0.5, FLOAT)

    def case(name, shape, training, **options):
        rng = stream(name)
        x = normal(rng, shape, 2.0) + normal(rng, shape[-1:])
        layer = layers.BatchNormalization(**options)
        # Variances must be positive; the other weights may be so too.
        t = layer_case(golden, name, layer, x, normal, positive, training=training)
        after = {w.name: w.numpy() for w in layer.non_trainable_weights if w.name.startswith("moving")}
        for statistic, value in after.items():
            golden.tensors[f"{name}/{statistic}_after"] = value.astype(FLOAT)
        axes = tuple(range(len(shape) - 1))
        learns = training and options.get("trainable", True)
        want = t["moving_variance"] * 0.99 + x.var(axes) * 0.01 if learns else t["moving_variance"]
        np.testing.assert_allclose(after["moving_variance"], want, rtol=1e-5)  # the biased variance, or left alone

    case("batch_normalization_training", (4, 3, 5, 6), True)
    case("batch_normalization_inference", (4, 3, 5, 6), False)
    case("batch_normalization_frozen", (3, 4, 2, 5), True, trainable=False)
    case("batch_normalization_training_dense", (7, 5), True)
    case("batch_normalization_training_no_scale", (3, 4, 3, 4), True, scale=False)
    case("batch_normalization_inference_no_center", (3, 4, 3, 4), False, center=False)


# ---------------------------------------------------------------------------------------------------------- losses


def loss_case(golden, case, loss, logits, labels, targets=None, class_weight=None):
    """Loss of each sample before weighting, loss of the batch as `fit` computes it, and its gradient."""
    targets = labels if targets is None else targets
    x = tf.constant(logits)
    weight = None
    if class_weight:
        weight = np.array([class_weight.get(int(c), 1.0) for c in labels.reshape(-1)], FLOAT)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = loss(targets, x, sample_weight=weight)
    tensors = dict(logits=logits, labels=labels, per_sample=loss.call(tf.constant(targets), x).numpy(),
                   loss=value.numpy().reshape(1), dlogits=tape.gradient(value, x).numpy())
    if class_weight:
        tensors["sample_weight"] = weight
    # What `fit` itself reports for a network that hands its input through.
    model = keras.Sequential([keras.Input(logits.shape[1:]), layers.Dense(logits.shape[1], use_bias=False, kernel_initializer="identity")])
    model.compile(optimizers.SGD(0.0), loss)
    history = model.fit(logits, targets, batch_size=len(logits), class_weight=class_weight, verbose=0).history
    np.testing.assert_allclose(history["loss"], tensors["loss"], rtol=1e-6)
    config = {k: v for k, v in loss.get_config().items() if k in ("from_logits", "label_smoothing")}
    if class_weight:
        config["class_weight"] = {str(k): v for k, v in class_weight.items()}
    golden.add(case, type(loss).__name__, config, **tensors)


def make_losses():
    golden = Golden()

    def classes(case, extreme=False):
        rng = stream(case)
        logits = normal(rng, (6, 5), 2.0)
        if extreme:
            logits[:3] = [[100, -100, 0, 50, 99], [-100, -100, -100, -100, -100], [0, 1e4, -1e4, 1, 2]]
        return logits, np.array([1, 4, 0, 2, 1, 3] if extreme else [3, 0, 4, 1, 1, 2], FLOAT)

    def binary(case, extreme=False):
        logits = normal(stream(case), (7, 1), 2.0)
        if extreme:
            logits[:5, 0] = [100, -100, 1e4, -1e4, 0]
        return logits, np.array([0, 1, 1, 0, 1, 0, 1], FLOAT).reshape(7, 1)

    one_hot = lambda labels: np.eye(5, dtype=FLOAT)[labels.astype(int)]
    weights = {0: 0.5, 1: 3.0, 3: 1.75}  # classes 2 and 4 keep weight 1
    sparse = losses.SparseCategoricalCrossentropy(from_logits=True)
    smooth = losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    for case, loss, extreme, class_weight in (
        ("sparse_categorical_crossentropy", sparse, False, None),
        ("sparse_categorical_crossentropy_extreme", sparse, True, None),
        ("sparse_categorical_crossentropy_class_weight", sparse, False, weights),
        ("categorical_crossentropy_smoothing", smooth, False, None),
        ("categorical_crossentropy_smoothing_class_weight", smooth, False, weights),
    ):
        logits, labels = classes(case, extreme)
        loss_case(golden, case, loss, logits, labels, one_hot(labels) if loss is smooth else None, class_weight)

    plain = losses.BinaryCrossentropy(from_logits=True)
    smooth = losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1)
    loss_case(golden, "binary_crossentropy", plain, *binary("binary_crossentropy"))
    loss_case(golden, "binary_crossentropy_extreme", plain, *binary("binary_crossentropy_extreme", True))
    loss_case(golden, "binary_crossentropy_smoothing", smooth, *binary("binary_crossentropy_smoothing"))
    loss_case(golden, "binary_crossentropy_class_weight", plain, *binary("binary_crossentropy_class_weight"), class_weight={1: 2.5})
    golden.finish("losses.safetensors")


# ------------------------------------------------------------------------------------------- optimisers and schedules

STEPS = 10


def optimizer_case(golden, case, optimizer, largest=3.0):
    """Ten steps of two parameters; gradients from 1e-6 (in the first steps, where epsilon tells) to `largest`, some zero."""
    rng = stream(case)
    shapes = {"kernel": (3, 4), "bias": (5,)}
    start = {name: normal(rng, shape) for name, shape in shapes.items()}
    # Each step has a size of its own, so that clipping by norm acts in some steps and not in others.
    low = np.array([-6, -5, -4] + [-3] * (STEPS - 3), float)
    high = np.array([-5, -4, -3] + [np.log10(largest)] * (STEPS - 3))
    gradients = {}
    for name, shape in shapes.items():
        size = 10 ** rng.uniform(low, high).reshape(STEPS, *[1] * len(shape))
        gradients[name] = (rng.standard_normal((STEPS, *shape)) * size).astype("float32").astype(FLOAT)
    gradients["kernel"][3, 1] = 0
    gradients["bias"][:, 2] = 0  # never moves, but decays
    variables = [keras.Variable(v, dtype=FLOAT) for v in start.values()]
    weights = {name: [] for name in shapes}
    for step in range(STEPS):
        optimizer.apply([tf.constant(g[step]) for g in gradients.values()], variables)
        for name, variable in zip(shapes, variables):
            weights[name].append(variable.numpy().copy())
    config = optimizer.get_config()
    keep = ("learning_rate", "momentum", "nesterov", "rho", "epsilon", "centered", "beta_1", "beta_2", "amsgrad",
            "weight_decay", "clipnorm", "clipvalue", "global_clipnorm")
    config = {k: config[k] for k in keep if config.get(k) is not None}
    rate = config["learning_rate"]
    if isinstance(rate, dict):  # a schedule, serialised by Keras
        config["learning_rate"] = {"class": rate["class_name"], "config": {k: v for k, v in rate["config"].items() if k != "name"}}
    else:
        config["learning_rate"] = float(f"{rate:.6g}")  # Keras hands back the f32 that it holds
    golden.add(case, type(optimizer).__name__, config,
               **{f"start_{n}": v for n, v in start.items()},
               **{f"gradients_{n}": v for n, v in gradients.items()},
               **{f"weights_{n}": np.stack(v) for n, v in weights.items()})


def make_optimizers():
    golden = Golden()
    o = optimizers
    # w -= lr * g
    optimizer_case(golden, "sgd", o.SGD(0.01))
    # v = momentum * v - lr * g;  w += v
    optimizer_case(golden, "sgd_momentum", o.SGD(0.01, momentum=0.9))
    # v = momentum * v - lr * g;  w += momentum * v - lr * g  (the new v)
    optimizer_case(golden, "sgd_nesterov", o.SGD(0.01, momentum=0.9, nesterov=True))
    # w -= w * decay * lr;  w -= lr * g  (the gradient given, not that of the decayed w)
    optimizer_case(golden, "sgd_weight_decay", o.SGD(0.01, weight_decay=0.1))
    # v = rho * v + (1 - rho) * g^2;  w -= lr * g / sqrt(v + epsilon)
    optimizer_case(golden, "rmsprop", o.RMSprop())
    # as rmsprop, with the step going into m = momentum * m + lr * g / sqrt(v + epsilon);  w -= m
    optimizer_case(golden, "rmsprop_momentum", o.RMSprop(momentum=0.9))
    # a = rho * a + (1 - rho) * g;  w -= lr * g / sqrt(v - a^2 + epsilon)  (the new v and a)
    optimizer_case(golden, "rmsprop_centered", o.RMSprop(centered=True))
    # t = 1, 2, ...;  m += (g - m) * (1 - beta_1);  v += (g^2 - v) * (1 - beta_2)
    # w -= m * (lr * sqrt(1 - beta_2^t) / (1 - beta_1^t)) / (sqrt(v) + epsilon)
    optimizer_case(golden, "adam", o.Adam())
    optimizer_case(golden, "adam_other_betas", o.Adam(0.01, beta_1=0.8, beta_2=0.95, epsilon=1e-4))
    # w -= w * decay * lr;  then as adam
    optimizer_case(golden, "adamw", o.AdamW())
    optimizer_case(golden, "adamw_strong_decay", o.AdamW(0.01, weight_decay=0.5))
    # g *= c / max(|g|, c), |g| over one parameter
    optimizer_case(golden, "sgd_clipnorm", o.SGD(0.1, clipnorm=0.5))
    # g = clamp(g, -c, c), value by value
    optimizer_case(golden, "sgd_clipvalue", o.SGD(0.1, clipvalue=0.1))
    # g *= c * min(1 / |g|, 1 / c), |g| over all parameters together
    optimizer_case(golden, "sgd_global_clipnorm", o.SGD(0.1, global_clipnorm=0.5))
    # the rate of step 0, 1, ..., 9; decay in AdamW follows it
    cosine = lambda: o.schedules.CosineDecay(0.0, decay_steps=5, warmup_target=0.1, warmup_steps=3, alpha=0.05)
    optimizer_case(golden, "sgd_cosine_schedule", o.SGD(cosine()))
    optimizer_case(golden, "adamw_cosine_schedule", o.AdamW(cosine(), weight_decay=0.1))
    golden.finish("optimizers.safetensors")


def make_schedules():
    golden = Golden()

    def case(name, schedule, steps):
        values = [float(schedule(step)) for step in range(steps + 1)]
        config = {k: v for k, v in schedule.get_config().items() if k != "name"}
        golden.add(name, type(schedule).__name__, config, values=values)

    s = optimizers.schedules
    case("cosine_decay", s.CosineDecay(0.1, decay_steps=20), 25)
    case("cosine_decay_alpha", s.CosineDecay(0.1, decay_steps=20, alpha=0.1), 25)
    case("cosine_decay_warmup", s.CosineDecay(0.0, decay_steps=20, warmup_target=0.1, warmup_steps=5), 30)
    case("cosine_decay_warmup_alpha", s.CosineDecay(0.02, decay_steps=13, alpha=0.2, warmup_target=0.1, warmup_steps=4), 20)
    case("exponential_decay_staircase", s.ExponentialDecay(0.1, decay_steps=4, decay_rate=0.5, staircase=True), 20)
    case("exponential_decay", s.ExponentialDecay(0.1, decay_steps=4, decay_rate=0.5), 20)
    case("piecewise_constant_decay", s.PiecewiseConstantDecay([3, 7], [0.1, 0.05, 0.01]), 10)

    def plateau(name, losses_seen, start=0.1, **options):
        """The rate after each epoch, given the validation loss of each."""
        model = keras.Sequential([keras.Input((1,)), layers.Dense(1)])
        model.compile(optimizers.SGD(start), "mse")
        callback = keras.callbacks.ReduceLROnPlateau(monitor="val_loss", mode="min", **options)
        callback.set_model(model)
        callback.on_train_begin()
        values = []
        for epoch, loss in enumerate(losses_seen):
            callback.on_epoch_end(epoch, {"val_loss": loss})
            values.append(float(model.optimizer.learning_rate.numpy()))
        config = {k: getattr(callback, k) for k in ("factor", "patience", "cooldown", "min_lr")}
        config["min_delta"] = abs(callback.min_delta)
        golden.add(name, "ReduceLROnPlateau", config | {"initial_learning_rate": start}, val_loss=losses_seen, values=values)

    # An improvement must be larger than min_delta. During cooldown nothing is counted; the epoch that ends it counts.
    seen = [1.0, 0.9, 0.9, 0.89995, 0.89, 0.95, 0.93, 0.9, 0.9, 0.9, 0.9, 0.8, 0.81, 0.82, 0.83, 0.84, 0.85, 0.86, 0.87, 0.88]
    plateau("reduce_lr_on_plateau", seen, factor=0.5, patience=2)
    plateau("reduce_lr_on_plateau_cooldown", seen, factor=0.1, patience=2, cooldown=3, min_delta=0.02)
    plateau("reduce_lr_on_plateau_min_lr", seen, factor=0.3, patience=1, min_lr=0.005)
    golden.finish("schedules.safetensors")


# ------------------------------------------------------------------------------------------------------------- model

DIGITS_SEED, PICTURES, TAP_VALUES = 90, 4, 2048


def digits_architecture():
    """The convnet of section 5.1: 93,322 parameters in ten tensors."""
    conv = lambda filters, name: layers.Conv2D(filters, 3, activation="relu", name=name)
    return [conv(32, "conv2d"), layers.MaxPooling2D(2, name="max_pooling2d"), conv(64, "conv2d_1"),
            layers.MaxPooling2D(2, name="max_pooling2d_1"), conv(64, "conv2d_2"), layers.Flatten(name="flatten"),
            layers.Dense(64, activation="relu", name="dense"), layers.Dense(10, activation="softmax", name="dense_1")]


def safe_margin(model, x):
    """How near a ReLU is to 0, or the two largest values of a 2x2 window to each other: below it rounding may decide."""
    margin = np.inf
    for layer in model.layers:
        if getattr(layer, "activation", None) is keras.activations.relu:
            layer.activation = keras.activations.linear
            x = layer(x).numpy()
            layer.activation = keras.activations.relu
            margin, x = min(margin, np.abs(x).min()), np.maximum(x, 0)
        else:
            if isinstance(layer, layers.MaxPooling2D):
                n, h, w, c = x.shape
                windows = x[:, : h // 2 * 2, : w // 2 * 2].reshape(n, h // 2, 2, w // 2, 2, c)
                windows = np.sort(windows.transpose(0, 1, 3, 5, 2, 4).reshape(-1, 4))
                live = windows[windows[:, 3] > 0]
                margin = min(margin, (live[:, 3] - live[:, 2]).min())
            x = np.array(layer(x))
    return margin


def make_model():
    golden = Golden()
    rng = np.random.default_rng(DIGITS_SEED)
    keras.utils.set_random_seed(DIGITS_SEED)
    model = keras.Sequential([keras.Input((28, 28, 1)), *digits_architecture()])
    # Glorot uniform kernels as Keras draws them, in f32 in both precisions; small biases, so that a forgotten one shows.
    glorot = keras.initializers.GlorotUniform(DIGITS_SEED)
    start = [np.array(glorot(w.shape, dtype="float32") if w.name == "kernel" else normal(rng, w.shape, 0.05), FLOAT)
             for w in model.weights]
    model.set_weights(start)
    x = rng.integers(0, 256, (PICTURES, 28, 28, 1)).astype(FLOAT) / np.asarray(256, FLOAT)
    labels = np.array([7, 0, 3, 7], FLOAT)
    paths = [f"{layer.name}/{weight.name}" for layer in model.layers for weight in layer.weights]

    taps, y = {}, tf.constant(x)
    with tf.GradientTape() as tape:
        for layer in model.layers[:-1]:
            y = layer(y)
            taps[layer.name] = y.numpy()
        head = model.layers[-1]
        logits = tf.matmul(y, head.kernel.value) + head.bias.value
        loss = losses.SparseCategoricalCrossentropy(from_logits=True)(labels, logits)
    gradients = tape.gradient(loss, [w.value for w in model.weights])
    probabilities = tf.nn.softmax(logits).numpy()
    np.testing.assert_allclose(model(x).numpy(), probabilities, rtol=1e-5)
    taps = {name: tap.reshape(-1)[:TAP_VALUES] for name, tap in taps.items()}

    model.compile("rmsprop", "sparse_categorical_crossentropy")
    told, margin = [], np.inf
    for _ in range(3):
        margin = min(margin, safe_margin(model, tf.constant(x)))
        told.append(float(model.train_on_batch(x, labels)))
        model.reset_metrics()
    np.testing.assert_allclose(told[0], loss.numpy(), rtol=1e-5)
    print(f"digits: no ReLU or maximum nearer to a tie than {margin:.1e}")
    assert margin > 1e-6, "choose another DIGITS_SEED: rounding could decide a ReLU"

    config = {"optimizer": {"class": "RMSprop", "config": {"learning_rate": 0.001, "rho": 0.9, "epsilon": 1e-7}},
              "loss": "sparse_categorical_crossentropy", "parameters": paths, "steps": 3,
              "tap_values": TAP_VALUES, "layers": [layer.name for layer in model.layers]}
    golden.add("digits", "Sequential", config, x=x, labels=labels, logits=logits.numpy(), probabilities=probabilities,
               loss=loss.numpy().reshape(1), losses=told,
               **{f"taps/{name}": tap for name, tap in taps.items()},
               **{f"start/{path}": value for path, value in zip(paths, start)},
               **{f"gradients/{path}": g.numpy() for path, g in zip(paths, gradients)},
               **{f"after/{path}": w.numpy() for path, w in zip(paths, model.weights)})
    golden.finish("model.safetensors")


def make_summary():
    """What `summary()` prints of the digits convnet."""
    model, lines = keras.Sequential([keras.Input((28, 28, 1)), *digits_architecture()]), []
    os.environ["COLUMNS"] = "100"
    model.summary(line_length=88, print_fn=lines.append)
    text = "\n".join(line.rstrip() for line in "\n".join(lines).splitlines()).strip() + "\n"
    path = HERE / "summary.txt"
    if CHECK:
        assert path.read_text(encoding="utf-8") == text, "Keras prints another summary"
    else:
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    make_layers()
    make_losses()
    make_optimizers()
    make_schedules()
    make_model()
    make_summary()
