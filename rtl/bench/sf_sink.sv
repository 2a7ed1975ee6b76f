// Simulation: takes a stream, with pauses in STALLS of 256 clocks, and writes its words to a file, a line each; a line
// "reset" for each clock of a reset.
`default_nettype none
module sf_sink #(
    parameter FILE = "out.hex",
    parameter int BITS = 8,
    parameter int STALLS = 0,
    parameter int SEED = 1
) (
    input  wire             clk,
    input  wire             reset,
    input  wire             valid,
    output logic            ready,
    input  wire  [BITS-1:0] data,
    output int              count
);
  logic [31:0] random;
  int file;
  initial file = $fopen(FILE, "w");

  always @(posedge clk) begin
    if (reset) begin
      ready  <= 1'b0;
      count  <= 0;
      $fdisplay(file, "reset");
      random <= 32'(SEED * 104729 + 1);
    end else begin
      random <= {random[30:0], random[31] ^ random[21] ^ random[1] ^ random[0]};
      ready  <= int'(random[7:0]) >= STALLS;
      if (valid && ready) begin
        $fdisplay(file, "%h", data);
        count <= count + 1;
      end
    end
  end
endmodule
`default_nettype wire
