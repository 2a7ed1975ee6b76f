"""sfkeras: partially frozen neural networks (SemifreddoNets) in Keras.

Importing the package is fast: TensorFlow loads with the first public name that needs it.
"""

import importlib

__version__ = "0.3.0"

_HOME = {
    "AlphaBlend": "nn.layers",
    "ChannelShuffle": "nn.layers",
    "ChannelSplit": "nn.layers",
    "ClassCosines": "nn.layers",
    "Core": "nn.freezing.core",
    "CoreShuffle": "nn.layers",
    "FrozenConv2D": "nn.layers",
    "FrozenDepthwiseConv2D": "nn.layers",
    "GreyToRGB": "nn.layers",
    "Head": "nn.heads",
    "NetworkOptions": "nn.options",
    "PiecewiseLinear": "nn.quantisation.piecewise",
    "RecipeError": "errors",
    "Rejuvenation": "nn.freezing.rejuvenation",
    "SemifreddoNet": "nn.backbone",
    "ShuffleNetV2": "nn.baselines",
    "freeze": "nn.freezing.schemes",
    "load_model": "nn.saved",
    "quantise": "nn.quantisation.fixed8",
    "summary": "nn.summary",
}
__all__ = sorted(_HOME)


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module 'sfkeras' has no attribute {name!r}. Its public names are {', '.join(__all__)}.")
    return getattr(importlib.import_module(f"sfkeras.{_HOME[name]}"), name)
