"""A netlist of ECP5 cells, as yosys writes it, for netlist.c: every cell without a clock is a table of four inputs."""

import json
import re
import subprocess
from collections import defaultdict
from pathlib import Path

import numpy as np

LUT, READ, PRODUCT = range(3)
SOURCE = Path(__file__).with_name("netlist.c")


class Netlist:
    """Cells by kind, and nets as numbers: 0 and 1 are constants."""

    def __init__(self, path: Path, top: str):
        module = json.loads(path.read_text())["modules"][top]
        self.nets = 2 + max(b for net in module["netnames"].values() for b in net["bits"] if isinstance(b, int))
        self.tables, self.reads, self.products = [], [], []  # (table, inputs, output)
        self.flops, self.rams, self.blocks, self.words = [], [], [], []
        self.ports = {name: self._nets(port["bits"])[0] for name, port in module["ports"].items()}
        for cell in module["cells"].values():
            pins = {name: self._nets(bits) for name, bits in cell["connections"].items()}
            getattr(self, f"_{cell['type'].strip('$').lower()}")(pins, cell["parameters"])

    def _nets(self, bits):
        return [{"0": 0, "1": 1, "x": 0}.get(bit, bit) if isinstance(bit, str) else bit for bit in bits]

    def _new(self):
        self.nets += 1
        return self.nets - 1

    def _table(self, table, inputs, output=None):
        output = self._new() if output is None else output
        inputs = [*inputs, *[0] * (4 - len(inputs))]
        self.tables.append((table, inputs, output))
        return output

    # --- Cells

    def _scopeinfo(self, pins, parameters):
        pass

    def _lut4(self, pins, parameters):
        self._table(int(parameters["INIT"], 2), [pins[name][0] for name in "ABCD"], pins["Z"][0])

    def _pfumx(self, pins, parameters):
        self._table(0xCA, [pins["BLUT"][0], pins["ALUT"][0], pins["C0"][0]], pins["Z"][0])

    def _l6mux21(self, pins, parameters):
        self._table(0xCA, [pins["D0"][0], pins["D1"][0], pins["SD"][0]], pins["Z"][0])

    def _ccu2c(self, pins, parameters):
        carry = pins["CIN"][0] if pins.get("CIN") else 0
        for half in "01":
            inputs = [pins[f"{name}{half}"][0] for name in "ABCD"]
            table, injects = int(parameters[f"INIT{half}"], 2), parameters[f"INJECT1_{half}"].strip() == "YES"
            own = self._table(table, inputs)
            made = 0 if injects else self._table((table & 15) * 0x1111, inputs[:2])
            out = pins[f"S{half}"][0] if pins.get(f"S{half}") else None
            self._table(0xA if injects else 0x6, [own, carry], out)  # own, or own ^ carry
            last = pins["COUT"][0] if half == "1" and pins.get("COUT") else None
            carry = self._table(0xE4, [own, made, carry], last)  # own ? carry : made

    def _trellis_dpr16x4(self, pins, parameters):
        inverted = parameters.get("WREMUX", "WRE").strip() == "INV"
        self.reads.append((len(self.rams), pins["RAD"], pins["DO"]))
        self.rams.append([*pins["DI"], *pins["WAD"], pins["WRE"][0], int(inverted)])

    def _trellis_ff(self, pins, parameters):
        mux = {name: parameters.get(name, default).strip() for name, default in (("CEMUX", "1"), ("LSRMUX", "LSR"))}
        enable = {"1": 1, "0": 0}.get(mux["CEMUX"], pins["CE"][0] if pins.get("CE") else 0)
        flags = (mux["CEMUX"] == "INV") | (mux["LSRMUX"] == "INV") << 1
        flags |= (parameters.get("REGSET", "RESET").strip() == "SET") << 2
        assert parameters.get("SRMODE", "LSR_OVER_CE").strip() != "ASYNC"
        reset = pins["LSR"][0] if pins.get("LSR") else 0
        self.flops.append([pins["DI"][0], enable, reset, pins["Q"][0], flags])

    def _mult18x18d(self, pins, parameters):
        a, b, p = ([self._pin(pins, f"{name}{i}") for i in range(n)] for name, n in (("A", 18), ("B", 18), ("P", 36)))
        self.products.append(([*a, *b, pins["SIGNEDA"][0], pins["SIGNEDB"][0]], p))

    def _dp16kd(self, pins, parameters):
        def many(name, count):
            return [self._pin(pins, f"{name}{i}") for i in range(count)]

        widths = [_integer(parameters[f"DATA_WIDTH_{port}"]) for port in "AB"]
        assert self._pin(pins, "WEB") == 0
        controls = [self._pin(pins, name) for name in ("CEA", "WEA", "CEB", "RSTB")]
        self.blocks.append(
            [*widths, *controls, *many("ADA", 14), *many("ADB", 14), *many("DIA", 18), *many("DIB", 18)]
            + [*many("DOA", 18), *many("DOB", 18)]
        )
        values = [int(parameters.get(f"INITVAL_{i:02X}", "0").replace("x", "0"), 2) for i in range(64)]
        self.words.append([values[i // 16] >> 20 * (i % 16) & 0x3FFFF for i in range(1024)])

    def _pin(self, pins, name):
        return pins[name][0] if pins.get(name) else 0

    # --- The file

    def write(self, path: Path):
        """Write the file that netlist.c reads."""
        cells = [(LUT, table, [*inputs, output], 4) for table, inputs, output in self.tables]
        cells += [(READ, ram, [*address, *data], 4) for ram, address, data in self.reads]
        cells += [(PRODUCT, 0, [*inputs, *outputs], 38) for inputs, outputs in self.products]
        levels = _levels(cells)
        of_cells, of_flops = defaultdict(list), defaultdict(list)
        for i, (_, _, pins, inputs) in enumerate(cells):
            for net in {*pins[:inputs]} - {0, 1}:
                of_cells[net].append(i)
        for i, flop in enumerate(self.flops):
            for net in {*flop[:3]} - {0, 1}:
                of_flops[net].append(i)
        sizes = [self.nets, len(cells), max(levels) + 1, len(self.flops), len(self.rams), len(self.blocks)]
        sizes += [self.ports["uart_rx"], self.ports["uart_tx"], 0, 0]
        first_pin = np.cumsum([0, *(len(cell[2]) for cell in cells)])
        parts = [sizes, [cell[0] for cell in cells], levels, [cell[1] for cell in cells], first_pin]
        parts.append([pin for cell in cells for pin in cell[2]])
        for readers in (of_cells, of_flops):
            parts.append(np.cumsum([0, *(len(readers[net]) for net in range(self.nets))]))
            parts.append([reader for net in range(self.nets) for reader in readers[net]])
        parts += [np.ravel(self.flops), np.ravel(self.rams), len(self.tables) + np.arange(len(self.rams))]
        parts += [np.ravel(self.blocks), np.ravel(self.words)]
        path.write_bytes(b"".join(np.asarray(part, np.int32).tobytes() for part in parts))


def through_serial(netlist: Path, top: str, sent: str, clocks_per_bit: int) -> tuple[list[int], list[int]]:
    """The bytes that come out of a netlist's serial port, and the clock after each line of `sent` (netlist.c)."""
    folder = netlist.parent
    Netlist(netlist, top).write(folder / "netlist.bin")
    (folder / "sent.txt").write_text(sent)
    subprocess.run(["gcc", "-O2", "-Wall", "-Werror", "-o", folder / "netlist", SOURCE], check=True)
    command = [folder / "netlist", folder / "netlist.bin", folder / "sent.txt", str(clocks_per_bit)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = {what: re.findall(rf"^{what} (\w+)$", said, re.MULTILINE) for what in ("byte", "clocks")}
    return [int(byte, 16) for byte in found["byte"]], [int(clock) for clock in found["clocks"]]


def _integer(value):
    return int(value, 2) if isinstance(value, str) else value


def _levels(cells):
    """The level of each cell: above all cells that it reads."""
    writer = {net: i for i, (_, _, pins, inputs) in enumerate(cells) for net in pins[inputs:] if net > 1}
    readers, missing = defaultdict(list), []
    for i, (_, _, pins, inputs) in enumerate(cells):
        sources = {writer[net] for net in pins[:inputs] if net in writer}
        missing.append(len(sources))
        for source in sources:
            readers[source].append(i)
    levels, ready = [0] * len(cells), [i for i, count in enumerate(missing) if count == 0]
    for i in ready:
        for reader in readers[i]:
            levels[reader] = max(levels[reader], levels[i] + 1)
            missing[reader] -= 1
            if missing[reader] == 0:
                ready.append(reader)
    assert len(ready) == len(cells), "a loop without a register"
    return levels
