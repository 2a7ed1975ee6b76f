"""Parameters of a network as Table 3 counts them: its frozen and its trainable part, and its heads apart."""

from sfkeras.nn.freezing.core import Core


def parameters(model):
    """Return the parameter counts of a float network: {"frozen": int, "trainable": int, "heads": int}.

    Table 3 has the first two. The heads are not part of the backbone.

    A batch-norm after a completely frozen kernel is folded into one frozen offset per channel,
    which gives Table 3's 140K. Elsewhere it is two trainable weights per channel, which gives its
    60K per trainable core. A repeated module (Fig. 5) uses the same frozen kernels in each pass, so
    they count once. Its trainable weights are new in each pass.

    Args:
        model: float model of SemifreddoNet or ShuffleNetV2.
    """
    sizes = {layer.name: sizes_of(layer) for layer in model.layers}
    for name, (_, size) in sizes.items():
        if name.endswith(".batch_norm"):
            frozen, trainable = sizes[name.removesuffix(".batch_norm")]
            channels = size // 4  # gamma, beta, moving mean and variance
            sizes[name] = (0, 2 * channels) if trainable else (channels, 0)
    for layer in model.layers:
        if hasattr(layer, "codes") and Core.key(layer.name) != layer.name.removeprefix("frozen."):
            sizes[layer.name] = (0, 0)  # a pass of a repeated module after the first
    heads = sum(trainable for name, (_, trainable) in sizes.items() if name.startswith("head."))
    frozen, trainable = map(sum, zip(*sizes.values()))
    return {"frozen": frozen, "trainable": trainable - heads, "heads": heads}


def sizes_of(layer):
    """Return (frozen, other) weight counts of a layer.

    Weights are frozen by codes or by a constraint (schemes.py).
    """
    if hasattr(layer, "codes"):
        return layer.codes.shape.num_elements(), 0
    constraint = getattr(layer, "depthwise_constraint", None) or getattr(layer, "kernel_constraint", None)
    frozen = int(constraint.frozen.sum()) if hasattr(constraint, "frozen") else 0
    return frozen, layer.count_params() - frozen
