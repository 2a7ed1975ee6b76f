// Simulation: writes each beat of a stream inside the design to a file, a line each; "reset" for each clock of a reset.
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
  always @(posedge clk) begin
    if (reset) $fdisplay(file, "reset");
    else if (valid && ready) $fdisplay(file, "%h", data);
  end
endmodule
`default_nettype wire
