"""Parameters of a backbone as Table 3 counts them: without heads."""

from sfkeras.nn.core import Core


def parameters(model):
    """Counts the parameters of a float network (backbone.SemifreddoNet, baselines.ShuffleNetV2) without its heads.

    A batch-norm behind a kernel that is frozen whole is folded into one frozen offset a channel, which gives Table 3's
    140K; elsewhere it is two trainable weights a channel, which gives its 60K a trainable core. Frozen kernels that a
    repeated module (Fig. 5) passes again are the same silicon, and count once; its trainable weights are new in each pass.
    Returns: {"frozen": count, "trainable": count}.
    """
    layers = [layer for layer in model.layers if not layer.name.startswith("head.")]
    sizes = {layer.name: sizes_of(layer) for layer in layers}
    for name, (_, size) in sizes.items():
        if name.endswith(".batch_norm"):
            frozen, trainable = sizes[name.removesuffix(".batch_norm")]
            channels = size // 4  # gamma, beta, moving mean and variance
            sizes[name] = (0, 2 * channels) if trainable else (channels, 0)
    for layer in layers:
        if hasattr(layer, "codes") and Core.key(layer.name) != layer.name.removeprefix("frozen."):
            sizes[layer.name] = (0, 0)  # a pass of a repeated module after the first
    frozen, trainable = map(sum, zip(*sizes.values()))
    return {"frozen": frozen, "trainable": trainable}


def sizes_of(layer):
    """Returns how many weights of a layer are frozen, by its codes or by a constraint (freezing.py), and how many not."""
    if hasattr(layer, "codes"):
        return layer.codes.shape.num_elements(), 0
    constraint = getattr(layer, "depthwise_constraint", None) or getattr(layer, "kernel_constraint", None)
    frozen = int(constraint.frozen.sum()) if hasattr(constraint, "frozen") else 0
    return frozen, layer.count_params() - frozen
