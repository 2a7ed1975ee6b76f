// Simulation: writes each beat of a stream inside the design to a file, a line each.
`default_nettype none
module sf_monitor #(
    parameter FILE = "stream.hex",
    parameter int BITS = 8
) (
    input wire            clk,
    input wire            reset,
    input wire            valid,
    input wire            ready,
    input wire [BITS-1:0] data
);
  int file;
  initial file = $fopen(FILE, "w");
  always @(posedge clk) if (!reset && valid && ready) $fdisplay(file, "%h", data);
endmodule
`default_nettype wire
