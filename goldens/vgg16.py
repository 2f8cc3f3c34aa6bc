"""What VGG16's convolutional base makes of a drawn picture, in f64, and where its weights lie in Keras' file.

    python goldens/vgg16.py WEIGHTS/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5

The file of 59 MB stays outside; its tensors lie in it one after the other, so a reader needs no HDF5, only their places.
Needs numpy, h5py and safetensors.
"""

import hashlib
import json
import pathlib
import sys

import h5py
import numpy as np
from safetensors.numpy import save_file
from vgg16_picture import BLOCKS, caffe


def convolution(x, kernel, bias):
    rows, columns, channels = x.shape
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    taps = [padded[ky : ky + rows, kx : kx + columns] for ky in range(3) for kx in range(3)]
    windows = np.concatenate(taps, axis=2).reshape(rows * columns, 9 * channels)
    y = windows @ kernel.reshape(9 * channels, -1) + bias
    return np.maximum(y, 0).reshape(rows, columns, -1)


def pool(x):
    rows, columns, channels = x.shape
    x = x[: rows // 2 * 2, : columns // 2 * 2]
    return x.reshape(rows // 2, 2, columns // 2, 2, channels).max(axis=(1, 3))


def main(path):
    places, x = {}, caffe()
    with h5py.File(path) as file:
        for block, (_, count) in enumerate(BLOCKS, 1):
            for layer in range(1, count + 1):
                name = f"block{block}_conv{layer}"
                kernel, bias = (file[name][f"{name}_{part}_1:0"] for part in "Wb")
                for part, tensor in [("kernel", kernel), ("bias", bias)]:
                    assert tensor.dtype == "<f4" and tensor.chunks is None
                    places[f"{name}/{part}"] = [tensor.id.get_offset(), *tensor.shape]
                x = convolution(x, kernel[()].astype(np.float64), bias[()].astype(np.float64))
            x = pool(x)
    digest = hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
    metadata = {"sha256": digest, "places": json.dumps(places)}
    save_file({"block5_pool": x}, pathlib.Path(__file__).with_name("vgg16.safetensors"), metadata)


main(sys.argv[1])
