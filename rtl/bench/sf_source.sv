// Simulation: the lines of a file of hexadecimal words as a stream, with pauses in STALLS of 256 clocks. After a reset,
// it begins again.
`default_nettype none
module sf_source #(
    parameter FILE = "in.hex",
    parameter int BITS = 8,
    parameter int STALLS = 0,
    parameter int SEED = 1
) (
    input  wire             clk,
    input  wire             reset,
    output logic            valid,
    input  wire             ready,
    output logic [BITS-1:0] data,
    output logic            done
);
  logic [31:0] random;
  logic [BITS-1:0] line;
  int file;
  initial file = $fopen(FILE, "r");

  always @(posedge clk) begin
    if (reset) begin
      valid <= 1'b0;
      done <= 1'b0;
      if ($rewind(file) != 0) $display("cannot read %s", FILE);
      random <= 32'(SEED * 7919 + 12345);
    end else begin
      random <= {random[30:0], random[31] ^ random[21] ^ random[1] ^ random[0]};  // a shift register of maximal period
      if (!valid || ready) begin
        valid <= 1'b0;
        if (int'(random[7:0]) >= STALLS && !done) begin
          if ($fscanf(file, "%h", line) == 1) begin
            data  <= line;
            valid <= 1'b1;
          end else begin
            done <= 1'b1;
          end
        end
      end
    end
  end
endmodule
`default_nettype wire
