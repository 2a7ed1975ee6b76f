import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from sfkeras.nn.layers import ClassCosines
from sfkeras.training.optimisation import losses


def triplet_loss_by_hand(labels, embeddings, margin):
    """Schroff et al. 2015, one triplet after the other."""
    embeddings = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    distance = ((embeddings[:, None] - embeddings[None]) ** 2).sum(axis=-1)
    losses = []
    for a in range(len(labels)):
        for p in range(len(labels)):
            if a == p or labels[a] != labels[p]:
                continue
            negatives = [distance[a, n] for n in range(len(labels)) if labels[n] != labels[a]]
            farther = [d for d in negatives if d > distance[a, p]]
            losses.append(max(0, distance[a, p] - (min(farther) if farther else max(negatives)) + margin))
    return np.mean(losses) if losses else 0.0


@settings(deadline=None, max_examples=60)
@given(
    labels=st.lists(st.integers(0, 3), min_size=2, max_size=12).filter(lambda labels: len(set(labels)) > 1),
    seed=st.integers(0, 1000),
    margin=st.sampled_from([0.0, 0.2, 1.0]),
)
def test_semi_hard_triplets_against_a_loop(labels, seed, margin):
    embeddings = np.random.default_rng(seed).normal(size=(len(labels), 3))
    loss = losses.semi_hard_triplet_loss(np.array(labels), embeddings.astype(np.float32), margin)
    np.testing.assert_allclose(loss, triplet_loss_by_hand(labels, embeddings, margin), atol=1e-5)


def test_a_triplet_that_can_be_read():
    # Anchor and positive coincide; negatives are at squared distances of 2 and 4: the nearer one counts.
    embeddings = tf.constant([[3.0, 0.0], [1.0, 0.0], [0.0, 2.0], [-1.0, 0.0]])
    labels = tf.constant([[0], [0], [1], [2]])
    assert losses.semi_hard_triplet_loss(labels, embeddings, margin=2.5).numpy() == 0.5
    assert losses.semi_hard_triplet_loss(labels, embeddings, margin=0.2).numpy() == 0.0


def test_triplets_train_even_from_one_point():
    embeddings = tf.Variable(tf.ones((6, 4)))
    with tf.GradientTape() as tape:
        loss = losses.semi_hard_triplet_loss(tf.constant([0, 0, 1, 1, 2, 2]), embeddings)
    assert np.isclose(loss, 0.2) and np.isfinite(tape.gradient(loss, embeddings)).all()


def test_nobody_twice_is_no_loss():
    assert losses.semi_hard_triplet_loss(tf.constant([0, 1]), tf.eye(2)).numpy() == 0


# ---- additive angular margin


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 1000), margin=st.floats(0, 1.5), smoothing=st.sampled_from([0.0, 0.1]))
def test_additive_angular_margin_against_its_equation(seed, margin, smoothing):
    random = np.random.default_rng(seed)
    cosines, labels = random.uniform(-0.99, 0.99, (5, 4)), random.integers(0, 4, 5)
    logits = cosines.copy()
    for row, label in enumerate(labels):
        angle = np.arccos(cosines[row, label])
        past_pi = cosines[row, label] - margin * np.sin(margin)
        logits[row, label] = np.cos(angle + margin) if angle + margin < np.pi else past_pi
    likelihood = 16 * logits - np.log(np.exp(16 * logits).sum(axis=1, keepdims=True))
    targets = np.eye(4)[labels] * (1 - smoothing) + smoothing / 4
    loss = losses.additive_angular_margin_loss(labels[:, None], cosines.astype(np.float32), 16.0, margin, smoothing)
    np.testing.assert_allclose(loss, -(targets * likelihood).sum(axis=1), rtol=2e-4, atol=2e-4)


def test_the_margin_always_falls_with_the_angle():
    cosines = tf.constant(np.cos(np.linspace(0, np.pi, 999)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(cosines)
        moved = losses.with_margin(cosines, 0.5)
    assert (np.diff(moved) <= 1e-6).all()
    gradient = tape.gradient(moved, cosines).numpy()
    assert np.isfinite(gradient).all() and abs(gradient).max() < 1000


def test_class_cosines():
    layer = ClassCosines(5, name="cosines")
    embeddings = tf.random.stateless_normal((7, 3), (1, 2))
    cosines = layer(embeddings).numpy()
    kernel = layer.kernel.numpy()
    by_hand = embeddings @ kernel / np.linalg.norm(embeddings, axis=1)[:, None] / np.linalg.norm(kernel, axis=0)
    np.testing.assert_allclose(cosines, by_hand, atol=1e-6)
    assert layer.compute_output_shape((7, 3)) == (7, 5) and len(layer.trainable_weights) == 1
    with pytest.raises(ValueError, match="cosines: classes is 1. Expected 2 or more."):
        ClassCosines(1, name="cosines")


def test_class_cosines_train_and_come_back(tmp_path):
    keras = tf.keras
    inputs = keras.Input((3,))
    model = keras.Model(inputs, ClassCosines(2)(inputs))
    model.set_weights([np.array([[1, 1], [1, 2], [2, 1]], np.float32)])  # tells nobody apart yet
    model.compile("sgd", losses.additive_angular_margin_loss)
    images, labels = np.eye(3, dtype=np.float32)[:2], np.array([0, 1])
    before = model.evaluate(images, labels, verbose=0)
    model.fit(images, labels, epochs=5, verbose=0)
    assert model.evaluate(images, labels, verbose=0) < before
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", compile=False)
    assert (again.predict(images, verbose=0) == model.predict(images, verbose=0)).all()


def test_segmentation_is_the_weighted_cross_entropy_of_known_pixels():
    random = np.random.default_rng(0)
    logits = random.normal(size=(2, 4, 3, 5)).astype(np.float32)
    masks = random.integers(0, 6, (2, 4, 3)).astype(np.uint8)
    weights = np.append(random.uniform(0.5, 2, 5), 0).astype(np.float32)
    log_shares = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    own = np.take_along_axis(log_shares, np.minimum(masks, 4)[..., None].astype(int), -1)[..., 0]
    found = losses.segmentation_loss(tf.constant(masks), tf.constant(logits), weights)
    np.testing.assert_allclose(found, -own * weights[masks], rtol=1e-4, atol=1e-6)
    assert (found.numpy()[masks == 5] == 0).all()
    fine = losses.segmentation_loss(tf.constant(masks.repeat(16, 1).repeat(16, 2)), tf.constant(logits), weights)
    assert fine.shape == (2, 64, 48) and np.isfinite(fine).all()
