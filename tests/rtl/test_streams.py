"""The modules that only move values: with pauses, several frames and a reset in between, against plain Python."""

import numpy as np
import pytest

from tests.rtl.bench import WAYS, lines, run, values

pytestmark = pytest.mark.icarus
RANDOM = np.random.default_rng(1)


def codes(*shape):
    return RANDOM.integers(-128, 128, shape)


@pytest.mark.parametrize("pauses", WAYS)
@pytest.mark.parametrize("depth, pack", [(1, 1), (2, 1), (7, 1), (4, 2), (6, 2), (4, 4), (24, 8)])
def test_fifo_keeps_order(tmp_path, depth, pack, pauses):
    words = lines(codes(90, 2), 2)
    sizes = {"BITS": 16, "DEPTH": depth, "PACK": pack}
    made = run(tmp_path, "sf_fifo", sizes, {"in": (16, words)}, {"out": (16, 90)}, pauses)
    assert made["out"] == words


@pytest.mark.parametrize("pauses", WAYS)
@pytest.mark.parametrize("given, made_lanes", [(6, 2), (2, 6), (4, 4), (1, 3)])
def test_gear_keeps_the_bytes(tmp_path, given, made_lanes, pauses):
    data = codes(72)
    made = run(
        tmp_path,
        "sf_gear",
        {"IN_BITS": 8 * given, "OUT_BITS": 8 * made_lanes},
        {"in": (8 * given, lines(data, given))},
        {"out": (8 * made_lanes, 72 // made_lanes)},
        pauses,
    )
    np.testing.assert_array_equal(values(made["out"], made_lanes).ravel(), data)


@pytest.mark.parametrize("pauses", WAYS)
def test_select_takes_its_beats(tmp_path, pauses):
    data = codes(10, 6)
    wiring = "assign out_data = in_data;"
    parameters = {"BEATS": 6, "FIRST": 2, "COUNT": 3}
    bench = run_wired(tmp_path, "sf_select", parameters, {"in": (8, lines(data, 1))}, {"out": (8, 30)}, pauses, wiring)
    np.testing.assert_array_equal(values(bench["out"], 1).reshape(10, 3), data[:, 2:5])


def run_wired(folder, module, parameters, inputs, outputs, pauses, wiring, ports=""):
    """Run a module whose data are only wired: a shell gives it data ports."""
    declared = ", ".join(
        f"input wire {p}_valid, output wire {p}_ready, input wire [{b - 1}:0] {p}_data" for p, (b, _) in inputs.items()
    )
    declared += "".join(
        f", output wire {p}_valid, input wire {p}_ready, output wire [{b - 1}:0] {p}_data"
        for p, (b, _) in outputs.items()
    )
    connected = ports or ", ".join(
        f".{p}_{part}({p}_{part})" for p in (*inputs, *outputs) for part in ("valid", "ready")
    )
    chosen = ", ".join(f".{name}({value})" for name, value in parameters.items())
    clocks = "" if module in ("sf_join", "sf_choose") else ".clk(clk), .reset(reset), "
    shell = f"""module shell (input wire clk, input wire reset, {declared});
  {wiring}
  {module} #({chosen}) inner ({clocks}{connected});
endmodule
"""
    return run(folder, "shell", {}, inputs, outputs, pauses, files={"shell.sv": shell})


@pytest.mark.parametrize("pauses", WAYS)
def test_fork_gives_each_reader_each_beat(tmp_path, pauses):
    words = lines(codes(50), 1)
    ports = ".in_valid(in_valid), .in_ready(in_ready), .out_valid({b_valid, a_valid}), .out_ready({b_ready, a_ready})"
    wiring = "assign a_data = in_data; assign b_data = in_data;"
    made = run_wired(
        tmp_path, "sf_fork", {"READERS": 2}, {"in": (8, words)}, {"a": (8, 50), "b": (8, 50)}, pauses, wiring, ports
    )
    assert made == {"a": words, "b": words}


@pytest.mark.parametrize("pauses", WAYS)
def test_join_pairs_the_beats(tmp_path, pauses):
    first, second = codes(50), codes(50)
    ports = ".in_valid({b_valid, a_valid}), .in_ready({b_ready, a_ready}), .out_valid(out_valid), .out_ready(out_ready)"
    inputs = {"a": (8, lines(first, 1)), "b": (8, lines(second, 1))}
    wiring = "assign out_data = {b_data, a_data};"
    made = run_wired(tmp_path, "sf_join", {"WRITERS": 2}, inputs, {"out": (16, 50)}, pauses, wiring, ports)
    np.testing.assert_array_equal(values(made["out"], 2), np.stack([first, second], axis=1))


@pytest.mark.parametrize("pauses", WAYS)
@pytest.mark.parametrize("is_on", [0, 1])
@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_core_shuffle_swaps_the_second_half(tmp_path, lanes, is_on, pauses):
    own, other = codes(9, 4), codes(9, 4)
    made = run(
        tmp_path,
        "sf_core_shuffle",
        {"BEATS": 4 // lanes, "LANES": lanes},
        {"own": (8 * lanes, lines(own, lanes)), "other": (8 * lanes, lines(other, lanes))},
        {"out": (8 * lanes, 36 // lanes)},
        pauses,
        ports=f".on(1'b{is_on})",
    )
    expected = np.concatenate([own[:, :2], (other if is_on else own)[:, 2:]], axis=1)
    np.testing.assert_array_equal(values(made["out"], lanes).reshape(9, 4), expected)


@pytest.mark.parametrize("pauses", WAYS)
@pytest.mark.parametrize("writer", [0, 1])
def test_choose_passes_the_stream_that_has_beats(tmp_path, writer, pauses):
    words = [lines(codes(40, 2), 2) if i == writer else [] for i in range(2)]
    ports = (
        ".in_valid({b_valid, a_valid}), .in_ready({b_ready, a_ready}), .in_data({b_data, a_data}), "
        ".out_valid(out_valid), .out_ready(out_ready), .out_data(out_data)"
    )
    inputs = {"a": (16, words[0]), "b": (16, words[1])}
    made = run_wired(tmp_path, "sf_choose", {"BITS": 16}, inputs, {"out": (16, 40)}, pauses, "", ports)
    assert made["out"] == words[writer]
