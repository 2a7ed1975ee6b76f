"""The hardwired datapath of a network, read from datapath.json: buffers and widths of each stage.

sfkeras compile runs/face out/
python examples/read_the_datapath.py out/
"""

import json
import sys
from pathlib import Path


def main(folder):
    described = json.loads(Path(folder, "datapath.json").read_text())
    print(f"{'stage':44} {'kind':16} {'rows':>4} {'bytes':>7} {'sum bits':>8}  constants")
    for stage in described["stages"]:
        constants = "frozen" if stage.get("frozen") else "loaded" if stage.get("configurable") else ""
        print(
            f"{stage['name'][-44:]:44} {stage['kind']:16} {stage['kept_rows']:4} {stage['kept_bytes']:7,} "
            f"{stage.get('sum_bits', ''):>8}  {constants}"
        )


if __name__ == "__main__":
    main(sys.argv[1])
