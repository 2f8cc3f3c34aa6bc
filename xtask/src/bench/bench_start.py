"""TensorFlow/Keras 3 and PyTorch on CPU: whole processes, each from its start to the end of its first training step.

The step is that of the digits convnet, batch 64, RMSprop, as in bench_keras.py and bench_torch.py of the peers' folder,
whose common.py this script imports (PYTHONPATH). One process warms up the system's memory of its files and is left out;
then each round is one process. The time ends with the line that the process prints after its step.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time

from common import pin, report

ap = argparse.ArgumentParser()
ap.add_argument("--workload", choices=["start"], default="start")
ap.add_argument("--variant", choices=["keras", "torch"], required=True)
ap.add_argument("--threads", type=int, default=1)
ap.add_argument("--rounds", type=int, default=7)
ap.add_argument("--first-step", action="store_true", help="be one of the processes")
a = ap.parse_args()
pin(a.threads)


def keras_step():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import numpy as np
    import tensorflow as tf
    import keras
    from keras import layers as L
    tf.config.threading.set_intra_op_parallelism_threads(a.threads)
    tf.config.threading.set_inter_op_parallelism_threads(a.threads)
    model = keras.Sequential([
        L.Input((28, 28, 1)), L.Conv2D(32, 3, activation="relu"), L.MaxPooling2D(2),
        L.Conv2D(64, 3, activation="relu"), L.MaxPooling2D(2),
        L.Conv2D(64, 3, activation="relu"), L.Flatten(), L.Dense(64, activation="relu"),
        L.Dense(10, activation="softmax")])
    model.compile(keras.optimizers.RMSprop(1e-3), "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    model.fit(rng.random((64, 28, 28, 1), np.float32), rng.integers(0, 10, 64), batch_size=64, verbose=0)
    return f"tf {tf.__version__} keras {keras.__version__}"


def torch_step():
    import torch
    from torch import nn
    torch.set_num_threads(a.threads)
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Flatten(),
        nn.Linear(576, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3, alpha=0.9)
    out = model(torch.rand(64, 1, 28, 28))
    loss = nn.functional.cross_entropy(out, torch.randint(0, 10, (64,)))
    loss.backward()
    optimizer.step()
    loss.item()
    return torch.__version__


if a.first_step:
    version = keras_step() if a.variant == "keras" else torch_step()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"version": version, "peak": round(peak)}), flush=True)
    sys.exit()


def start():
    """Seconds of one process until its line, and the line."""
    began = time.perf_counter()
    with subprocess.Popen([sys.executable, *sys.orig_argv[1:], "--first-step"], stdout=subprocess.PIPE, text=True) as child:
        line = child.stdout.readline()
        took = time.perf_counter() - began
    if child.returncode:
        sys.exit(f"the process ended with {child.returncode}")
    return took, json.loads(line)


def busy():
    """(busy seconds of the whole machine, CPU seconds of this process and its children)."""
    f = [int(v) for v in open("/proc/stat").readline().split()[1:9]]
    machine = (sum(f) - f[3] - f[4]) / os.sysconf("SC_CLK_TCK")
    own = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return machine, sum(u.ru_utime + u.ru_stime for u in own)


start()
began, (machine0, own0) = time.perf_counter(), busy()
rounds = [start() for _ in range(a.rounds)]
machine1, own1 = busy()
others = max(0.0, (machine1 - machine0) - (own1 - own0)) / (time.perf_counter() - began)
seconds = [took for took, _ in rounds]
report("start", {"keras": "keras-fit", "torch": "torch-eager"}[a.variant], rounds[0][1]["version"], a.threads, 64,
       (statistics.median(seconds), min(seconds), max(seconds)), other_cores=round(others, 2),
       peak_rss_mib=max(line["peak"] for _, line in rounds))
