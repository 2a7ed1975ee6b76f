"""What is read of a simulation of cells: toggles per net, and the pin that drives it."""

from export.hardware.synthesis import power

CHANGES = """$scope module dut $end
$var wire 1 ! clk $end
$var wire 1 " enable $end
$var wire 3 # sum [2:0] $end
$upscope $end
$enddefinitions $end
#0
x"
bx #
#2
1!
0"
b0 #
#4
0!
1"
b101 #
#6
1!
b1 #
"""
NETLIST = r"""module alone(clk, enable);
  NAND2xp5_ASAP7_75t_R _3_ (
    .A(enable),
    .B(sum[1]),
    .Y(sum[0])
  );
  DFFHQNx1_ASAP7_75t_R \kept.register  (
    .CLK(clk),
    .D(enable),
    .QN(\kept.n )
  );
endmodule
"""


def test_toggles_are_counted_per_bit_and_not_from_unknown_values(tmp_path):
    (tmp_path / "made.vcd").write_text(CHANGES)
    assert power._toggles(tmp_path / "made.vcd") == {"enable": 1, "sum[2]": 2, "sum[1]": 0, "sum[0]": 1}


def test_each_net_has_the_pin_that_drives_it():
    drivers = power._drivers(NETLIST)
    assert drivers["sum[0]"] == "_3_/Y"
    assert drivers["kept.n"] == "kept.register/QN"
