// One requantiser: the arithmetic of export/graph/arithmetic/rounding.py, rounded twice as TFLM does. The multiplier has 24 bits;
// `shift` is how far to the right, 0..31.
`default_nettype none
module sf_round #(
    parameter int IN_BITS = 20,
    parameter int BIAS_BITS = 20,
    parameter int SUM_BITS = 22,
    parameter int ZERO_POINT = 0,
    parameter int MINIMUM = -128,
    parameter int MAXIMUM = 127
) (
    input  wire                         clk,
    input  wire                         enable,
    input  wire signed [   IN_BITS-1:0] sum,
    input  wire signed [ BIAS_BITS-1:0] bias,
    input  wire        [          23:0] multiplier,
    input  wire        [           4:0] shift,
    output wire signed [           7:0] code
);
  /* verilator no_inline_module */
  localparam int PRODUCT_BITS = SUM_BITS + 25;
  localparam int HIGH_BITS = SUM_BITS + 1;
  wire signed [SUM_BITS-1:0] biased = SUM_BITS'(sum) + SUM_BITS'(bias);
  logic signed [PRODUCT_BITS-1:0] product;
  logic [4:0] kept_shift;
  always_ff @(posedge clk) begin
    if (enable) begin
      product <= biased * $signed({1'b0, multiplier});
      kept_shift <= shift;
    end
  end

  // The high half of the doubled product, rounded to nearest, a half upwards
  wire signed [PRODUCT_BITS-1:0] raised = product + PRODUCT_BITS'(1 << 23);
  wire signed [HIGH_BITS-1:0] high = HIGH_BITS'(raised >>> 24);
  // Divided by 2^shift, rounded to nearest, a half away from zero
  wire [31:0] mask = (32'd1 << kept_shift) - 32'd1;
  wire [31:0] rest = 32'(high) & mask;
  wire [31:0] threshold = (mask >> 1) + 32'(high[HIGH_BITS-1]);
  wire signed [HIGH_BITS-1:0] floor = high >>> kept_shift;
  wire signed [HIGH_BITS+1:0] quotient =
      (HIGH_BITS + 2)'(floor) + (HIGH_BITS + 2)'($signed({1'b0, rest > threshold})) + (HIGH_BITS + 2)'(ZERO_POINT);
  assign code = int'(quotient) < MINIMUM ? 8'(MINIMUM) : int'(quotient) > MAXIMUM ? 8'(MAXIMUM) : 8'(quotient);
endmodule
`default_nettype wire
