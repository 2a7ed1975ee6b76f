// Simulation in Icarus: the clock of a bench. Verilator has sf_clock.cpp for it.
module sf_clock;
  logic clk = 0;
  always #1 clk = !clk;
  bench bench (.clk(clk));
endmodule
