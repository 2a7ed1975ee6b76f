// A convolution whose codes are constants. The pixel is kept while `matrix`, which the generator writes, makes all its sums
// in one clock: `sums` follow from `pixel`.
//
// clk       0  1  2  3
// in_valid  /--\______
// pixel     ___/-----     kept
// out_valid ___/--\___
`default_nettype none
module sf_hardwired #(
    parameter int IN_BITS  = 8,
    parameter int OUT_BITS = 20
) (
    input  wire                 clk,
    input  wire                 reset,
    input  wire                 in_valid,
    output wire                 in_ready,
    input  wire  [ IN_BITS-1:0] in_data,
    output logic [ IN_BITS-1:0] pixel,
    input  wire  [OUT_BITS-1:0] sums,
    output logic                out_valid,
    input  wire                 out_ready,
    output wire  [OUT_BITS-1:0] out_data
);
  assign in_ready = !out_valid || out_ready;
  assign out_data = sums;

  always_ff @(posedge clk) begin
    if (reset) out_valid <= 1'b0;
    else if (in_ready) out_valid <= in_valid;
    if (in_valid && in_ready) pixel <= in_data;
  end
endmodule
`default_nettype wire
