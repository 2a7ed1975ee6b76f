// One requantiser: the arithmetic of export/graph/arithmetic/rounding.py, rounded twice as TFLM does. The multiplier has 24
// bits, of which the lower ones are 0 if it is short and are left out;
// `shift` is how far to the right, 0..31. The product takes STEPS clocks, with FACTOR_BITS / STEPS bits of the multiplier in each, the
// upper ones first; `enable` is on in all of them.
`default_nettype none
module sf_round #(
    parameter int IN_BITS = 20,
    parameter int BIAS_BITS = 20,
    parameter int SUM_BITS = 22,
    parameter int FACTOR_BITS = 24,
    parameter int STEPS = 1,
    parameter int ZERO_POINT = 0,
    parameter int MINIMUM = -128,
    parameter int MAXIMUM = 127
) (
    input  wire                         clk,
    input  wire                         enable,
    input  wire        [           4:0] step,
    input  wire signed [   IN_BITS-1:0] sum,
    input  wire signed [ BIAS_BITS-1:0] bias,
    input  wire        [FACTOR_BITS-1:0] multiplier,
    input  wire        [           4:0] shift,
    output wire signed [           7:0] code
);
  /* verilator no_inline_module */
  localparam int PRODUCT_BITS = SUM_BITS + FACTOR_BITS + 1;
  localparam int HIGH_BITS = SUM_BITS + 1;
  wire signed [SUM_BITS-1:0] biased = SUM_BITS'(sum) + SUM_BITS'(bias);
  logic signed [PRODUCT_BITS-1:0] product;
  logic [4:0] kept_shift;
  localparam int DIGIT = FACTOR_BITS / STEPS;
  if (STEPS == 1) begin : g_whole
    always_ff @(posedge clk) if (enable) product <= biased * $signed({1'b0, multiplier});
  end else begin : g_steps
    wire [DIGIT-1:0] digits[STEPS];
    for (genvar s = 0; s < STEPS; s++) begin : g_digits
      assign digits[s] = multiplier[FACTOR_BITS-DIGIT*(s+1)+:DIGIT];
    end
    localparam int STEP_BITS = $clog2(STEPS);
    wire signed [SUM_BITS+DIGIT:0] part = biased * $signed({1'b0, digits[step[STEP_BITS-1:0]]});
    wire signed [PRODUCT_BITS-1:0] earlier = step == 0 ? 0 : product <<< DIGIT;
    always_ff @(posedge clk) if (enable) product <= earlier + PRODUCT_BITS'(part);
  end
  always_ff @(posedge clk) if (enable) kept_shift <= shift;

  // The high half of the doubled product, rounded to nearest, a half upwards
  wire signed [PRODUCT_BITS-1:0] raised = product + PRODUCT_BITS'(1 << (FACTOR_BITS - 1));
  wire signed [HIGH_BITS-1:0] high = HIGH_BITS'(raised >>> FACTOR_BITS);
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
