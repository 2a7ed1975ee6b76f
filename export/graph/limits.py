"""What a network may cost. Beyond it, a file or a size is refused in one line, before anything works on it.

A network within these limits is read, planned and written as C in seconds, with less than 1 GB of memory.
"""

from __future__ import annotations

MOST_FILE_BYTES = 1 << 27
MOST_CONSTANT_BYTES = 1 << 24  # of codes, biases, scales and tables together
MOST_TENSORS = 1 << 14  # of a .tflite, with its constants
MOST_OPERATORS = 1 << 12
MOST_NAME = 1000  # letters of a tensor's name
MOST_NETWORK_NAME = 200  # letters, which become names of files

MOST_SIDES = (0x7FFF, 0xFFFF, 0xFFFF)  # height, width and channels of a map: what the tables of micro/stream hold
MOST_VALUES = 1 << 24  # of a map
MOST_ROWS = 1 << 22  # of all maps together; the line plan has an entry for each
MOST_VALUES_IN_ALL = 1 << 27  # of all maps together

MOST_MACS = 1 << 35  # of all convolutions but depthwise ones
MOST_TAPS = 1 << 31  # of depthwise convolutions and pools: values that their windows read
