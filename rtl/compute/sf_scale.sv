// A code times a constant times 2^-(1 + shift), rounded twice and clamped to int8: a factor whose multiplier is 2^30.
`default_nettype none
module sf_scale #(
    parameter int MINIMUM = -128
) (
    input  wire signed [7:0] code,
    input  wire signed [7:0] constant,
    input  wire        [4:0] shift,
    output wire signed [7:0] scaled
);
  /* verilator no_inline_module */
  wire signed [16:0] product = 17'(code) * 17'(constant);
  // Half of it, rounded to nearest, a half upwards; then divided by 2^shift, a half away from zero
  wire signed [16:0] high = (product + 17'sd1) >>> 1;
  wire [16:0] mask = (17'd1 << shift) - 17'd1;
  wire [16:0] rest = high & mask;
  wire [16:0] threshold = (mask >> 1) + {16'd0, high[16]};
  wire signed [16:0] floor = high >>> shift;
  wire signed [16:0] quotient = floor + $signed({16'd0, rest > threshold});
  // At a shift of 16 or more, the mask has no bits above it; |high| is at most 2^13, which leaves 0.
  assign scaled = shift > 15 ? 8'sd0 : int'(quotient) < MINIMUM ? 8'(MINIMUM) : quotient > 127 ? 8'sd127 : quotient[7:0];
endmodule
`default_nettype wire
