"""What a file of the user may cost. Beyond it, reading ends with one line, before memory or time is spent.

Limits of a network are those of its recipe's keys (`sfkeras.training.recipe`).
"""

PICTURE_PIXELS = 1 << 26  # 8192x8192; decoded, with its copies, up to 0.8 GB

IDX_BYTES = 1 << 30  # of a file of the MNIST family, unpacked

RECIPE_BYTES = 1 << 16  # of a recipe's file, or of a value in a command
RECIPE_DEPTH = 16  # of lists and sections in each other
TEXT_LETTERS = 1000  # of a path, or of another text
NAME_LETTERS = 100  # of a run or a head, which name files: NAME_task.bin
BATCH_PIXELS = 1 << 26  # of all images of a batch: 256 of 512x512

RESULTS_BYTES = 1 << 28  # of a results file
JSON_BYTES = 1 << 26  # of a JSON file in a run folder
ARRAYS_BYTES = 1 << 32  # of a checkpoint, unpacked
CORE_BYTES = 1 << 28  # of a core file, unpacked
