"""A page on this computer that runs a network's C, compiled to WebAssembly."""
