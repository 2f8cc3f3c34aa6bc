"""What Pillow and OpenCV make of drawn pictures: files of every format decoded, and pictures resized.

    python goldens/pictures.py

Needs pillow, opencv-python-headless, numpy and safetensors. Every picture is computed from whole numbers here; none is a
photograph. `file/NAME` are the bytes of a file, `rgb/NAME` and `grey/NAME` its pixels; `resize/SOURCE` is a picture, and
`resize/SOURCE/FIT/FILTER/HEIGHTxWIDTH` what becomes of it.
"""

import io
import pathlib

import cv2
import numpy as np
from PIL import Image, ImageOps
from safetensors.numpy import save_file


def drawn(height, width, channels, seed):
    """Slopes, edges and noise, so that interpolation, clipping and rounding all show."""
    state, pixels = seed, np.zeros((height, width, channels), np.uint8)
    for y in range(height):
        for x in range(width):
            for c in range(channels):
                state = (state * 1664525 + 1013904223) % 2**32
                slope = abs((y * 7 + x * 5 + c * 70) % 300 - 150)
                pixels[y, x, c] = slope + (y // 6 + x // 7) % 2 * 60 + (state >> 24) % 40
    return pixels


def smooth(height, width):
    """What JPEG keeps well: slopes in every colour."""
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / 9 + c) * 60 + np.cos(y / 7 - c) * 50 + 128 for c in range(3)]
    return np.stack(waves, 2).astype(np.uint8)


tensors = {}


def put(name, array):
    tensors[name] = np.ascontiguousarray(array)


def file(name, contents, rgb=None, grey=None):
    """A file and what Pillow says are its pixels, unless they are given."""
    put(f"file/{name}", np.frombuffer(contents, np.uint8))
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(contents)))
    put(f"rgb/{name}", np.asarray(picture.convert("RGB")) if rgb is None else rgb)
    # From palettes and transparency by way of RGB: straight to grey, Pillow composes some of them with black.
    put(f"grey/{name}", np.asarray(picture.convert("RGB").convert("L")) if grey is None else grey)


def saved(picture, kind, **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


colour = Image.fromarray(smooth(33, 42))
for name, options in {
    "jpeg_420": {"quality": 90, "subsampling": 2},
    "jpeg_422": {"quality": 90, "subsampling": 1},
    "jpeg_444": {"quality": 95, "subsampling": 0},
    "jpeg_progressive": {"quality": 90, "progressive": True},
    "jpeg_restarts": {"quality": 90, "restart_marker_blocks": 2},
}.items():
    file(name, saved(colour, "JPEG", **options))
file("jpeg_grey", saved(colour.convert("L"), "JPEG", quality=90))
file("jpeg_cmyk", saved(colour.convert("CMYK"), "JPEG", quality=95))
file("jpeg_1x1", saved(colour.crop((0, 0, 1, 1)), "JPEG", quality=95))
small = Image.fromarray(smooth(10, 23))
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    file(f"jpeg_orientation_{orientation}", saved(small, "JPEG", quality=95, subsampling=0, exif=exif))
    if orientation in (1, 6):
        file(f"png_orientation_{orientation}", saved(small, "PNG", exif=exif))

noisy = Image.fromarray(drawn(9, 12, 3, 1))
alpha = Image.fromarray(drawn(9, 12, 4, 2))
palette = noisy.quantize(17)
file("png_rgb", saved(noisy, "PNG"))
file("png_rgba", saved(alpha, "PNG"))
file("png_grey", saved(noisy.convert("L"), "PNG"))
file("png_grey_alpha", saved(alpha.convert("LA"), "PNG"))
file("png_palette", saved(palette, "PNG"))
file("png_palette_transparent", saved(palette, "PNG", transparency=3))
file("png_bits", saved(noisy.convert("1"), "PNG"))
# Pillow reads no 16-bit colour and clips 16-bit grey: the upper byte is what libpng's and TensorFlow's 8 bits are.
wide = drawn(9, 12, 3, 3).astype(np.uint16) * 257 - 100
bgr = cv2.imencode(".png", wide[:, :, ::-1])[1].tobytes()
rgb = (wide >> 8).astype(np.uint8)
file("png_16", bgr, rgb, np.asarray(Image.fromarray(rgb).convert("L")))
one = (wide[:, :, 0] >> 8).astype(np.uint8)
file("png_16_grey", cv2.imencode(".png", wide[:, :, 0])[1].tobytes(), np.stack([one] * 3, 2), one)
file("gif", saved(palette, "GIF"))
frames = [palette, Image.fromarray(drawn(9, 12, 3, 4)).quantize(9)]
file("gif_animated", saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=40))
file("webp_lossless", saved(noisy, "WEBP", lossless=True))
file("webp_lossy", saved(colour, "WEBP", quality=90))
file("bmp", saved(noisy, "BMP"))
file("bmp_palette", saved(palette, "BMP"))
file("tiff", saved(noisy, "TIFF"))
file("tiff_lzw", saved(noisy, "TIFF", compression="tiff_lzw"))
file("tiff_deflate_grey", saved(noisy.convert("L"), "TIFF", compression="tiff_adobe_deflate"))

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "area": Image.Resampling.BOX,
}
SOURCES = {
    "odd": drawn(37, 53, 3, 5),
    "pixel": drawn(1, 1, 3, 6),
    "grey": drawn(48, 64, 1, 7),
    "strip": drawn(5, 97, 1, 8),
}
SIZES = [(13, 17), (1, 1), (40, 19)]
for source, pixels in SOURCES.items():
    put(f"resize/{source}", pixels)
    picture = Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels)
    for height, width in SIZES + [(38, 54)] * (source == "odd"):
        size = (width, height)

        def result(fit, name, array):
            put(f"resize/{source}/{fit}/{name}/{height}x{width}", np.asarray(array).reshape(height, width, -1))

        for name, method in FILTERS.items():
            result("squash", name, picture.resize(size, method))
            result("crop", name, ImageOps.fit(picture, size, method))
            # A strip in a tall frame is less than a pixel high: Pillow refuses it.
            if min(picture.width / picture.height * height, picture.height / picture.width * width) >= 0.6:
                result("pad", name, ImageOps.pad(picture, size, method))
        result("squash", "bilinear_plain", cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR))

path = pathlib.Path(__file__).with_name("pictures.safetensors")
save_file(tensors, path)
print(path, path.stat().st_size, "bytes,", len(tensors), "tensors; Pillow", Image.__version__, "OpenCV", cv2.__version__)
