"""Small TensorFlow SavedModels with the interface of TRILL."""

from __future__ import annotations

import numpy as np

WIDTH = 6
STEP = 1600


def weights(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(STEP, WIDTH)).astype(np.float32)


def embedded(samples: np.ndarray, seed: int) -> np.ndarray:
    """What the models below compute, averaged over time, in numpy."""
    steps = len(samples) // STEP
    return np.tanh(samples[: steps * STEP].reshape(steps, STEP) @ weights(seed)).mean(axis=0)


def save(folder: str, *, kind: str = "signature", seed: int = 1, output: str = "embedding") -> str:
    """Write a model: an embedding every 0.1 s.

    Args:
        folder: to write
        kind: ``signature``: samples of shape (batch, time); ``wave``: a signature of one wave and
            its rate; ``callable``: no signature, as on TensorFlow Hub; ``odd``: other inputs
        seed: of its weights
        output: name of the output
    """
    import tensorflow as tf

    class Model(tf.Module):
        def __init__(self):
            super().__init__()
            self.weights = tf.Variable(weights(seed))

        def of_wave(self, samples):
            steps = tf.reshape(samples[: tf.shape(samples)[0] // STEP * STEP], (-1, STEP))
            tf.debugging.assert_positive(tf.shape(steps)[0], message="less than 0.1 s")
            return {output: tf.tanh(steps @ self.weights), "other": tf.zeros(1)}

    model = Model()
    wave = tf.TensorSpec([None], tf.float32, name="samples")
    rate = tf.TensorSpec([], tf.int32, name="sample_rate")
    if kind == "signature":
        batch = tf.TensorSpec([None, None], tf.float32, name="samples")

        @tf.function(input_signature=[batch])
        def serve(samples):
            found = model.of_wave(samples[0])
            return {name: value[None] for name, value in found.items()}
    elif kind == "odd":

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="paths")])
        def serve(paths):
            return {output: tf.zeros((1, WIDTH))}
    else:

        @tf.function(input_signature=[wave, rate])
        def serve(samples, sample_rate):
            tf.debugging.assert_equal(sample_rate, 16000)
            return model.of_wave(samples)

    if kind == "callable":
        Model.__call__ = tf.function(
            lambda self, samples, sample_rate: self.of_wave(samples), input_signature=[wave, rate]
        )
        tf.saved_model.save(model, folder)
    else:
        tf.saved_model.save(model, folder, signatures=serve)
    return folder
