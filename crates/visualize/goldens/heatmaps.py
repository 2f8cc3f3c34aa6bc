"""Heatmaps of a small convnet with drawn weights, by pytorch-grad-cam and captum.

    python crates/visualize/goldens/heatmaps.py

Writes `heatmaps.safetensors` beside itself: the pictures `x` [2, 20, 16, 3], the weights under Keras' names (kernels HWIO, dense
kernels [inputs, units] of a channels-last Flatten), and what each method makes of them, all f32, computed in f64.

    scores                     [2, 5], before the softmax
    METHOD/LAYER               [2, rows, columns], of class CLASSES[i] in picture i, without the final ReLU
    saliency, integrated_gradients, guided_backpropagation     [2, 20, 16, 3], of the same classes
    occlusion                  [2, 20, 16], a window of 6×5 moved by 4×3
    binary/class0, binary/class1   Grad-CAM with the final ReLU of conv2 for both classes of one sigmoid, whose score is the
                               first of the five; binary/saliency for class 0

What to know: pytorch-grad-cam's Grad-CAM++ adds 1e-6 to the denominator `2 g² + Σa g³` of each place, so gradients must be far
above 1e-3 to compare; captum's integrated gradients are taken by its midpoint rule.

Made with Python 3.11, torch 2.15.0, grad-cam 1.5.7, captum 0.9.0 and safetensors 0.8.0.
"""

import pathlib
from importlib.metadata import version

import numpy as np
import torch
from captum.attr import GuidedBackprop, IntegratedGradients, Occlusion, Saliency
from pytorch_grad_cam import GradCAM, GradCAMPlusPlus, HiResCAM, LayerCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from safetensors.numpy import save_file
from torch import nn

CLASSES = [3, 1]
METHODS = {"grad_cam": GradCAM, "grad_cam_plus_plus": GradCAMPlusPlus, "hires_cam": HiResCAM, "layer_cam": LayerCAM}

numbers = np.random.default_rng(5)


def drawn(*shape, scale):
    return (numbers.standard_normal(shape) * scale).astype(np.float32)


weights = {
    "conv1/kernel": drawn(3, 3, 3, 6, scale=0.5),
    "conv1/bias": drawn(6, scale=0.3),
    "conv2/kernel": drawn(3, 3, 6, 8, scale=0.4),
    "conv2/bias": drawn(8, scale=0.3),
    "dense/kernel": drawn(96, 10, scale=0.5),
    "dense/bias": drawn(10, scale=0.3),
    "scores/kernel": drawn(10, 5, scale=1.5),
    "scores/bias": drawn(5, scale=0.3),
}
pictures = numbers.uniform(-1, 1, (2, 20, 16, 3)).astype(np.float32)


def network(outputs):
    """The network whose last layer has the first `outputs` units."""
    layers = {
        "conv1": nn.Conv2d(3, 6, 3),
        "relu1": nn.ReLU(),
        "pool1": nn.MaxPool2d(2),
        "conv2": nn.Conv2d(6, 8, 3, padding=1),
        "relu2": nn.ReLU(),
        "pool2": nn.MaxPool2d(2),
        "flatten": nn.Flatten(),
        "dense": nn.Linear(96, 10),
        "relu3": nn.ReLU(),
        "scores": nn.Linear(10, outputs),
    }
    net = nn.Sequential()
    for name, layer in layers.items():
        net.add_module(name, layer)
    net = net.double().eval()
    with torch.no_grad():
        for name in ["conv1", "conv2"]:
            layers[name].weight.copy_(torch.tensor(weights[f"{name}/kernel"]).permute(3, 2, 0, 1))
            layers[name].bias.copy_(torch.tensor(weights[f"{name}/bias"]))
        # Channels last to channels first.
        kernel = torch.tensor(weights["dense/kernel"]).reshape(4, 3, 8, 10).permute(2, 0, 1, 3).reshape(96, 10)
        layers["dense"].weight.copy_(kernel.T)
        layers["dense"].bias.copy_(torch.tensor(weights["dense/bias"]))
        layers["scores"].weight.copy_(torch.tensor(weights["scores/kernel"][:, :outputs]).T)
        layers["scores"].bias.copy_(torch.tensor(weights["scores/bias"][:outputs]))
    return net


def x():
    return torch.tensor(pictures).double().permute(0, 3, 1, 2).clone().requires_grad_()


def last(attributions):
    return attributions.detach().permute(0, 2, 3, 1).numpy()


def raw_cam(method, net, layer, targets):
    """The map before pytorch-grad-cam cuts, enlarges and normalises it."""
    with METHODS[method](model=net, target_layers=[layer]) as cam:
        cam(input_tensor=x(), targets=targets)
        activations = cam.activations_and_grads.activations[0].detach().numpy()
        gradients = cam.activations_and_grads.gradients[0].detach().numpy()
        print(f"{method}: typical gradient {np.sqrt((gradients**2).mean()):.2g}")
        return cam.get_cam_image(x(), layer, targets, activations, gradients, False)


net = network(5)
results = {"scores": net(x()).detach().numpy()}
targets = [ClassifierOutputTarget(label) for label in CLASSES]
for method in METHODS:
    results[f"{method}/conv1"] = raw_cam(method, net, net.relu1, targets)
    results[f"{method}/conv2"] = raw_cam(method, net, net.relu2, targets)
results["saliency"] = last(Saliency(net).attribute(x(), target=CLASSES))
integrated = IntegratedGradients(net).attribute(x(), target=CLASSES, n_steps=256, method="riemann_middle")
results["integrated_gradients"] = last(integrated)
results["guided_backpropagation"] = last(GuidedBackprop(network(5)).attribute(x(), target=CLASSES))
occlusion = Occlusion(net).attribute(x(), (3, 6, 5), strides=(3, 4, 3), target=CLASSES, baselines=0)
results["occlusion"] = last(occlusion)[..., 0]

binary = network(1)
for label, sign in [(0, -1), (1, 1)]:
    heat = raw_cam("grad_cam", binary, binary.relu2, [lambda scores, sign=sign: sign * scores[0]] * 2)
    results[f"binary/class{label}"] = np.maximum(heat, 0)
results["binary/saliency"] = last(Saliency(lambda pixels: -binary(pixels)).attribute(x(), target=0))

tensors = {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in (weights | results).items()}
tensors["x"] = pictures
path = pathlib.Path(__file__).with_name("heatmaps.safetensors")
save_file(tensors, path, {"classes": str(CLASSES)})
print(path.stat().st_size, "bytes", {name: version(name) for name in ["torch", "grad-cam", "captum"]})
