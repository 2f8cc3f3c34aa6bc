"""A small network as PyTorch and NumPy write it, with what PyTorch computes in each of its layers.

    python goldens/formats.py

Writes `formats/` and `formats.safetensors`. Needs torch, numpy and safetensors; the ONNX files also onnx and onnxscript.
Every number is drawn from one seed; archives hold dates, so their bytes differ each time.
"""

import pathlib
import shutil

import numpy as np
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch
from torch import nn
from torch.nn import functional as F

HERE = pathlib.Path(__file__).parent
FOLDER = HERE / "formats"


class Net(nn.Module):
    """Modules in the order in which they are used, as `state_dict` has them."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 6, (3, 2), bias=False)
        self.first_bn = nn.BatchNorm2d(6, eps=1e-3)
        self.depth = nn.Conv2d(6, 12, 3, stride=2, padding=1, groups=6)
        self.depth_bn = nn.BatchNorm2d(12)
        self.point = nn.Conv2d(12, 8, 1)
        self.left = nn.Conv2d(8, 8, 3, padding=2, dilation=2)
        self.right = nn.Conv2d(8, 8, 1)
        self.pool = nn.MaxPool2d(2)
        self.flat_bn = nn.BatchNorm1d(48)
        self.fc1 = nn.Linear(48, 10)
        self.dropout = nn.Dropout(0.25)
        self.fc2 = nn.Linear(10, 4)

    def forward(self, x):
        x = F.relu6(self.first_bn(self.first(x)))
        x = self.depth_bn(self.depth(x))
        x = F.relu(self.point(x))
        x = F.relu(self.left(x) + self.right(x))
        x = torch.flatten(self.pool(x), 1)
        x = self.flat_bn(x)
        x = self.dropout(F.relu(self.fc1(x)))
        return torch.softmax(self.fc2(x), 1)


class Branches(nn.Module):
    """Groups, and channels side by side."""

    def __init__(self):
        super().__init__()
        self.wide = nn.Conv2d(4, 6, 3, padding=1, groups=2)
        self.deep = nn.Conv2d(4, 3, 1)
        self.joined = nn.Conv2d(9, 6, (2, 3), groups=3, bias=False)
        self.classes = nn.Linear(6, 4)

    def forward(self, x):
        x = torch.cat([F.relu(self.wide(x)), self.deep(x)], 1)
        return self.classes(torch.amax(self.joined(x), (2, 3)))


def network(net=Net):
    torch.manual_seed(14)
    net = net().eval()
    with torch.no_grad():
        for name, tensor in net.state_dict().items():
            if tensor.dtype == torch.float32:
                tensor.normal_(0, 0.4)
            if name.endswith("running_var"):
                tensor.abs_().add_(0.5)
    return net


def nhwc(tensor):
    array = tensor.detach().numpy()
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1) if array.ndim == 4 else array)


def taps(net, x):
    """The output of every module; rows that were pictures stay in PyTorch's order."""
    found = {"x": nhwc(x)}
    hooks = [
        module.register_forward_hook(lambda _, __, y, name=name: found.__setitem__(name, nhwc(y)))
        for name, module in net.named_children()
    ]
    with torch.no_grad():
        found["y"] = nhwc(net(x))
    for hook in hooks:
        hook.remove()
    return found


def checkpoint(net):
    """What a training script keeps: more than the model, wrapped, every tensor a view of one storage or turned around."""
    state = {}
    flat = torch.cat([value.flatten() for value in net.state_dict().values() if value.dtype == torch.float32])
    at = 0
    for name, value in net.state_dict().items():
        if value.dtype == torch.float32:
            value = flat[at : at + value.numel()].view(value.shape)
            at += value.numel()
        if name == "left.weight":
            value = value.clone(memory_format=torch.channels_last)
        if name == "fc1.weight":
            value = value.t().contiguous().t()
        if name == "fc2.weight":
            value = torch.stack([value, -value], -1)[..., 0]
        state[f"module.{name}"] = value
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    net(torch.zeros(1, 3, 13, 11)).sum().backward()
    optimizer.step()
    return {
        "epoch": 3,
        "best": 0.5,
        "accuracy": np.float64(0.25),
        "args": {"lr": 0.1, "name": "net", "sizes": [1, 2, (3, None)]},
        "optimizer": optimizer.state_dict(),
        "state_dict": state,
    }


def types():
    """0, 1 … 23 in every type, and views of every kind: [2, 3, 4] each."""
    base = torch.arange(24).reshape(2, 3, 4)
    kinds = ["float16", "bfloat16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8"]
    tensors = {kind: base.to(getattr(torch, kind)) for kind in kinds}
    tensors["bool"] = base % 3 == 1
    return tensors


def arrays():
    base = np.arange(24).reshape(2, 3, 4)
    kinds = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]
    found = {}
    for kind in kinds:
        for order in "<>":
            for layout in "CF":
                found[f"{order}{kind}{layout}"] = np.array(base, dtype=order + kind, order=layout)
    found["bool"] = base % 3 == 1
    return found


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    net = network()
    x = torch.randn(3, 3, 13, 11, generator=torch.Generator().manual_seed(5))
    found = taps(net, x)
    branches = network(Branches)
    torch.save(branches.state_dict(), FOLDER / "branches.pth")
    y = torch.randn(3, 4, 9, 8, generator=torch.Generator().manual_seed(6))
    found |= {f"branches/{name}": value for name, value in taps(branches, y).items()}
    save_file(found, HERE / "formats.safetensors")
    state = {name: value.clone() for name, value in net.state_dict().items()}
    torch.save(net.state_dict(), FOLDER / "zip.pth")
    torch.save(net.state_dict(), FOLDER / "row.pth", _use_new_zipfile_serialization=False)
    save_torch(state, FOLDER / "torch.safetensors")
    numbers = {name: value.numpy() for name, value in state.items()}
    np.savez(FOLDER / "plain.npz", **numbers)
    turned = {name: np.asfortranarray(value.astype(">f8")) for name, value in numbers.items()}
    np.savez_compressed(FOLDER / "packed.npz", **turned)
    torch.save(types(), FOLDER / "types.pth")
    save_torch(types(), FOLDER / "types.safetensors")
    np.savez_compressed(FOLDER / "types.npz", **arrays())
    base = torch.arange(120.0)
    views = {
        "turned": base[:24].reshape(4, 2, 3).permute(1, 2, 0),
        "steps": base.reshape(2, 3, 20)[:, :, 3:19:4],
        "late": base[96:].reshape(2, 3, 4),
    }
    torch.save(views, FOLDER / "views.pth")
    torch.save({"w": torch.ones(1).expand(2, 3)}, FOLDER / "expanded.pth")
    torch.save(checkpoint(network()), FOLDER / "checkpoint.pth")
    torch.save(checkpoint(network()), FOLDER / "checkpoint_row.pth", _use_new_zipfile_serialization=False)
    torch.save(network(), FOLDER / "module.pth")
    names = {"input_names": ["x"], "output_names": ["y"]}
    open_batch = {"dynamic_axes": {"x": {0: "N"}, "y": {0: "N"}}}
    torch.onnx.export(network(), x, FOLDER / "torch_old.onnx", dynamo=False, opset_version=13, **names, **open_batch)
    batch = {"x": {0: torch.export.Dim("N")}}
    torch.onnx.export(network(), (x,), FOLDER / "torch.onnx", dynamo=True, external_data=False, dynamic_shapes=batch, **names)


main()
