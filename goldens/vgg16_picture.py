"""The drawn picture on which the goldens of large networks are computed, and the sizes of VGG16's blocks."""

import numpy as np

SIZE = 150
BLOCKS = [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]


def picture(size=SIZE):
    """Edges, slopes and noise from whole numbers, so that any language draws the same."""
    state, pixels = 1, np.zeros((size, size, 3), np.uint8)
    for y in range(size):
        for x in range(size):
            for c in range(3):
                state = (state * 1664525 + 1013904223) % 2**32
                slope = abs((y * 3 + x * 5 + c * 70) % 300 - 150)
                pixels[y, x, c] = slope + (y // 10 + x // 14) % 2 * 60 + (state >> 24) % 40
    return pixels


def caffe():
    """The picture in caffe's pixels, f64: blue, green, red, less the mean of ImageNet."""
    return picture().astype(np.float64)[..., ::-1] - [103.939, 116.779, 123.68]
