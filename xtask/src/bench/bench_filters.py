"""TensorFlow/Keras 3 on CPU: gradient ascent on the input of VGG16, as in the chapter (5.4.2), for 64 filters at once.

All 40 steps are one `tf.function`: the mean of filter i's map in picture i, its gradient with respect to the picture
divided by its root mean square, added to the picture. VGG16 with random weights, up to block3_conv1; pictures of 64×64,
the size of the tiles of the chapter's grids. Imports common.py of the peers' folder (PYTHONPATH).
"""
import argparse
import os

from common import measure, pin, report

ap = argparse.ArgumentParser()
ap.add_argument("--workload", choices=["filters"], default="filters")
ap.add_argument("--variant", choices=["keras"], default="keras")
ap.add_argument("--threads", type=int, default=1)
ap.add_argument("--rounds", type=int, default=3)
a = ap.parse_args()
pin(a.threads)

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf
import keras
from keras import layers as L

tf.config.threading.set_intra_op_parallelism_threads(a.threads)
tf.config.threading.set_inter_op_parallelism_threads(a.threads)

FILTERS, SIDE, STEPS = 64, 64, 40


def convolution(filters):
    return L.Conv2D(filters, 3, padding="same", activation="relu")


model = keras.Sequential([
    L.Input((SIDE, SIDE, 3)),
    convolution(64), convolution(64), L.MaxPooling2D(2),
    convolution(128), convolution(128), L.MaxPooling2D(2),
    convolution(256)])


def step(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        maps = tf.reduce_mean(model(x, training=False), axis=(1, 2))
        loss = tf.reduce_sum(tf.linalg.diag_part(maps[:, :FILTERS]))
    gradient = tape.gradient(loss, x)
    return x + gradient / (tf.sqrt(tf.reduce_mean(gradient**2, axis=(1, 2, 3), keepdims=True)) + 1e-5)


@tf.function
def ascend(x):
    # A Python loop would need this script as a file: TensorFlow reads the source of loops.
    return tf.while_loop(lambda i, x: i < STEPS, lambda i, x: (i + 1, step(x)), (tf.constant(0), x))[1]


x = tf.random.uniform((FILTERS, SIDE, SIDE, 3), 128.0, 148.0, seed=1)
timing = measure(lambda: ascend(x).numpy(), warmup=1, rounds=a.rounds)
report("filters", "keras-function", f"tf {tf.__version__} keras {keras.__version__}", a.threads, FILTERS, timing)
