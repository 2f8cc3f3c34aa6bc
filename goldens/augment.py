"""Goldens for augmentation: SciPy's affine warp, nearest labels and blur, and what Keras' ImageDataGenerator does.

    keras-env/bin/python goldens/augment.py      writes augment.safetensors beside this script

Needs Keras and SciPy. Tensors are f32 and row-major, pictures [rows, columns, channels] with bytes of 0 … 255. A `matrix` is
[2, 3] in the order of OpenCV: pixel (x, y) of the output shows the place matrix @ (x, y, 1) of the picture. SciPy counts rows
first, which `scipy_order` turns about.
"""

import json
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import scipy
from keras.src.legacy.preprocessing import image as legacy
from safetensors.numpy import save_file

FILLS = {"nearest": "nearest", "constant": "constant", "reflect": "reflect", "wrap": "grid-wrap"}
CONSTANT = 93.0
tensors, cases = {}, {}


def picture(rows, columns, seed):
    """Slopes, an edge and noise."""
    rng = np.random.default_rng(seed)
    y, x, c = np.meshgrid(np.arange(rows), np.arange(columns), np.arange(3), indexing="ij")
    slopes = 60 + 40 * np.sin(x / 3 + c) + 40 * np.cos(y / 4 - c) + 60 * (x + y > (rows + columns) / 2)
    return np.clip(slopes + rng.normal(0, 20, slopes.shape), 0, 255).astype(np.uint8)


def scipy_order(matrix):
    (a, b, c), (d, e, f) = matrix
    return [[e, d], [b, a]], [f, c]


def affine(x, matrix, fill, order=1):
    linear, offset = scipy_order(matrix)
    planes = [
        scipy.ndimage.affine_transform(p, linear, offset, order=order, mode=FILLS[fill], cval=CONSTANT)
        for p in np.moveaxis(x.astype(np.float64), -1, 0)
    ]
    return np.stack(planes, axis=-1)


def far_from_edges(matrix, rows, columns):
    """Where the edge is hard, and between two labels, rounding must not decide."""
    y, x = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    for (a, b, c), n in zip(matrix, (columns, rows)):
        places = a * x + b * y + c
        for edge in (0, n - 1):
            assert np.abs(places - edge).min() > 2e-3, "another matrix, please"
        assert np.abs(places - np.floor(places) - 0.5).min() > 2e-4, "another matrix, please"


def put(case, config, **arrays):
    cases[case] = config
    for name, array in arrays.items():
        tensors[f"{case}/{name}"] = np.ascontiguousarray(array, np.float32)


def about_centre(rows, columns, degrees, scale_x, scale_y, shift_x, shift_y):
    t = np.deg2rad(degrees)
    m = np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]]) @ np.diag([scale_x, scale_y])
    centre = np.array([columns - 1, rows - 1]) / 2
    return np.column_stack([m, centre + np.array([shift_x, shift_y]) - m @ centre]).astype(np.float32)


def parameters(rows, columns, degrees, scale_x, scale_y, shift_x, shift_y):
    """The same for a transform, which shifts before it turns."""
    t = np.deg2rad(degrees)
    x, y = np.array([[np.cos(t), np.sin(t)], [-np.sin(t), np.cos(t)]]) @ [shift_x, shift_y]
    return dict(rotation=degrees, zoom=[scale_x, scale_y], width_shift=x / columns, height_shift=y / rows)


def warps():
    rows, columns = 15, 22
    x = picture(rows, columns, 1)
    labels = np.random.default_rng(2).integers(0, 9, (rows, columns, 1))
    put("warp", {"constant": CONSTANT}, picture=x, labels=labels[..., 0])
    for name, arguments in {
        "turned": (31, 1.07, 0.93, 2.3, -1.7),
        "far_out": (-77, 3.1, 2.7, 5.3, 4.1),
        "far_away": (12, 1.13, 1.21, 611.7, -1203.4),
        "close": (163, 0.31, 0.23, -3.1, 2.2),
    }.items():
        matrix = about_centre(rows, columns, *arguments)
        far_from_edges(matrix.astype(np.float64), rows, columns)
        for fill in FILLS:
            y = affine(x, matrix.astype(np.float64), fill)
            mask = affine(labels, matrix.astype(np.float64), fill, order=0)[..., 0]
            config = {"fill": fill, "parameters": parameters(rows, columns, *arguments)}
            put(f"warp_{name}_{fill}", config, matrix=matrix, y=y, mask=mask)


def keras_transforms():
    side = 18
    x = picture(side, side, 3)
    put("keras", {}, picture=x)
    generator = legacy.ImageDataGenerator(fill_mode="nearest")
    seen = []
    true_affine = scipy.ndimage.affine_transform

    def spy(plane, linear, offset, **arguments):
        seen.append((linear, offset))
        return true_affine(plane, linear, offset, **arguments)

    scipy.ndimage.interpolation.affine_transform = spy
    # Multiples of 1/64 are the same number in f32. Keras takes degrees of shear; shifts are pixels here, fractions of the
    # side in the configuration.
    for name, (theta, tx, ty, shear, zx, zy, flip_x, flip_y) in {
        "rotation": (33.25, 0, 0, 0, 1, 1, False, False),
        "shift": (0, 3.9375, -2.8125, 0, 1, 1, False, False),
        "shear": (0, 0, 0, 0.203125, 1, 1, False, False),
        "zoom": (0, 0, 0, 0, 0.828125, 1.171875, False, False),
        "flips": (-12.5, 0, 0, 0, 1, 1, True, True),
        "all": (-38.5, 2.25, 3.375, -0.171875, 1.140625, 0.890625, True, False),
        "all_upside_down": (21.75, -3.375, 1.6875, 0.125, 0.8125, 1.09375, False, True),
    }.items():
        seen.clear()
        parameters = dict(
            theta=theta, tx=tx, ty=ty, shear=np.rad2deg(shear), zx=zx, zy=zy,
            flip_horizontal=flip_x, flip_vertical=flip_y, channel_shift_intensity=None, brightness=None,
        )
        y = generator.apply_transform(x.astype(np.float64), parameters)
        (((e, d), (b, a)), (f, c)) = seen[0]
        # Keras flips the result of the warp; here the flip is part of the matrix.
        flip = np.array([[-1, 0, side - 1] if flip_x else [1, 0, 0],
                         [0, -1, side - 1] if flip_y else [0, 1, 0], [0, 0, 1]])
        matrix = np.array([[a, b, c], [d, e, f]]) @ flip
        config = dict(rotation=theta, width_shift=tx / side, height_shift=ty / side, shear=shear, zoom=[zx, zy],
                      horizontal_flip=flip_x, vertical_flip=flip_y)
        put(f"keras_{name}", config, matrix=matrix, y=y)


def blurs():
    x = picture(11, 14, 4)
    put("blur", {}, picture=x)
    for name, sigma in {"little": 0.5, "much": 2.25}.items():
        y = scipy.ndimage.gaussian_filter(x.astype(np.float64), (sigma, sigma, 0), mode="nearest")
        put(f"blur_{name}", {"blur": sigma}, y=y)


warps()
keras_transforms()
blurs()
path = pathlib.Path(__file__).with_name("augment.safetensors")
save_file(tensors, path, {"cases": json.dumps(cases)})
print(f"{path.name}: {path.stat().st_size:,} bytes, {len(cases)} cases; Keras {keras.__version__}, SciPy {scipy.__version__}")
