"""Sends a task image to a device over a serial line: python send_task.py /dev/ttyACM0 other.bin [BAUD]

It needs Python on Linux or macOS and nothing else. The device runs sf_slots.h, as the demo of this package does.
"""

import os
import select
import sys
import termios
import tty
from pathlib import Path

PAGE = 256  # SF_SLOT_PAGE
PATIENCE = 10  # seconds that the device may take for a page: it erases flash before the first


def main(port: str, image: str, baud: str = "115200") -> int:
    content = Path(image).read_bytes()
    line = os.open(port, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(line)
    settings = termios.tcgetattr(line)
    settings[4] = settings[5] = getattr(termios, f"B{baud}")
    termios.tcsetattr(line, termios.TCSANOW, settings)
    termios.tcflush(line, termios.TCIFLUSH)
    for start in range(0, len(content), PAGE):
        write_all(line, content[start : start + PAGE])
        if said := answer(line):
            break
    print(said)
    return 0 if said == "loaded" else 1


def write_all(line: int, content: bytes) -> None:
    while content:
        content = content[os.write(line, content) :]


def answer(line: int) -> str:
    """Return "" if the device has taken a page, or what it says at the end; other lines are not for us."""
    said = b""
    while True:
        if not select.select([line], [], [], PATIENCE)[0]:
            sys.exit(f"the device said nothing for {PATIENCE} seconds; before, it said {said!r}")
        said += os.read(line, 1)
        if said.endswith(b"\x06"):
            return ""
        if said.endswith(b"\n"):
            text, said = said.decode(errors="replace").strip(), b""
            if text == "loaded" or text.startswith("refused"):
                return text


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
