"""sfkeras: partially frozen neural networks (SemifreddoNets) in Keras.

Importing the package is fast: TensorFlow loads with the first public name that needs it.
"""

import importlib

__version__ = "0.2.0"

_HOME = {
    "AlphaBlend": "nn.layers",
    "ChannelShuffle": "nn.layers",
    "ChannelSplit": "nn.layers",
    "CoreShuffle": "nn.layers",
    "FrozenConv2D": "nn.layers",
    "FrozenDepthwiseConv2D": "nn.layers",
    "GreyToRGB": "nn.layers",
    "PiecewiseLinear": "nn.piecewise",
    "SemifreddoNet": "nn.backbone",
    "Head": "nn.heads",
    "Core": "nn.core",
    "Rejuvenation": "nn.rejuvenation",
    "RecipeError": "errors",
}
__all__ = sorted(_HOME)


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module 'sfkeras' has no attribute '{name}'; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(f"sfkeras.{_HOME[name]}"), name)
