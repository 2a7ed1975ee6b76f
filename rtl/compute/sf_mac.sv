// The products of one multiply-accumulate unit, LANES per clock, added to an earlier sum.
`default_nettype none
module sf_mac #(
    parameter int LANES = 1,
    parameter int SUM_BITS = 22,
    parameter int ZERO_POINT = 0
) (
    input  wire signed  [SUM_BITS-1:0] earlier,
    input  wire         [ 8*LANES-1:0] in_data,
    input  wire         [ 8*LANES-1:0] codes,
    output logic signed [SUM_BITS-1:0] sum
);
  /* verilator no_inline_module */
  localparam int CODE_BITS = ZERO_POINT == 0 ? 8 : 9;  // of a code less the zero point
  logic signed [CODE_BITS-1:0] lane;

  always_comb begin
    sum = earlier;
    for (int l = 0; l < LANES; l++) begin
      lane = CODE_BITS'($signed(in_data[8*l+:8])) - CODE_BITS'(ZERO_POINT);
      sum = sum + SUM_BITS'(lane) * SUM_BITS'($signed(codes[8*l+:8]));
    end
  end
endmodule
`default_nettype wire
