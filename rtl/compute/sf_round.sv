// One requantiser: the arithmetic of export/graph/arithmetic/rounding.py, rounded twice as TFLM does. The multiplier has 24
// bits, of which the lower ones are 0 if it is short and are left out; `shift` is how far to the right, 0..31. The product
// takes STEPS clocks, with FACTOR_BITS / STEPS bits of the multiplier in each, the lower ones first; `enable` is on in all of
// them. Of the product only what is above the multiplier's bits is kept, and the bit below it, which rounds.
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
  localparam int DIGIT = FACTOR_BITS / STEPS;
  localparam int PRODUCT_BITS = SUM_BITS + DIGIT;
  localparam int HIGH_BITS = SUM_BITS + 1;
  wire signed [SUM_BITS-1:0] biased = SUM_BITS'(sum) + SUM_BITS'(bias);
  logic signed [PRODUCT_BITS-1:0] product;
  logic [4:0] kept_shift;
  if (STEPS == 1) begin : g_whole
    always_ff @(posedge clk) if (enable) product <= biased * $signed({1'b0, multiplier});
  end else begin : g_steps
    wire [DIGIT-1:0] digits[STEPS];
    for (genvar s = 0; s < STEPS; s++) begin : g_digits
      assign digits[s] = multiplier[DIGIT*s+:DIGIT];
    end
    localparam int STEP_BITS = $clog2(STEPS);
    wire signed [PRODUCT_BITS-1:0] part = biased * $signed({1'b0, digits[step[STEP_BITS-1:0]]});
    wire signed [SUM_BITS-1:0] earlier = step == 0 ? SUM_BITS'(0) : SUM_BITS'(product >>> DIGIT);
    always_ff @(posedge clk) if (enable) product <= PRODUCT_BITS'(earlier) + part;
  end
  always_ff @(posedge clk) if (enable) kept_shift <= shift;

  // The high half of the doubled product, rounded to nearest, a half upwards
  wire signed [HIGH_BITS-1:0] high =
      HIGH_BITS'(product >>> DIGIT) + HIGH_BITS'($signed({1'b0, product[DIGIT-1]}));
  // Divided by 2^shift, rounded to nearest, a half away from zero: by the highest bit that is dropped, which is kept as the
  // lowest of `shifted`. A negative number goes up only by more than a half.
  wire signed [HIGH_BITS:0] shifted = $signed({high, 1'b0}) >>> kept_shift;
  wire [HIGH_BITS-1:0] below_half;
  for (genvar i = 0; i < HIGH_BITS; i++) begin : g_below_half
    assign below_half[i] = high[i] && int'(kept_shift) > i + 1;
  end
  wire goes_up = shifted[0] && (!high[HIGH_BITS-1] || below_half != 0);
  wire signed [HIGH_BITS+1:0] quotient =
      (HIGH_BITS + 2)'(shifted >>> 1) + (HIGH_BITS + 2)'($signed({1'b0, goes_up})) + (HIGH_BITS + 2)'(ZERO_POINT);

  // Bounds of -128, 0 and 127, beyond which is a power of two, need no subtraction.
  wire is_negative = quotient[HIGH_BITS+1];
  wire too_high, too_low;
  if (MAXIMUM >= 0) begin : g_maximum
    wire [HIGH_BITS:0] above = quotient[HIGH_BITS:0];
    assign too_high = !is_negative && 32'(above) >= 32'(MAXIMUM + 1);
  end else begin : g_negative_maximum
    assign too_high = int'(quotient) > MAXIMUM;
  end
  if (MINIMUM == 0) begin : g_no_minimum
    assign too_low = is_negative;
  end else if (MINIMUM < 0) begin : g_minimum
    wire [HIGH_BITS:0] below = ~quotient[HIGH_BITS:0];
    assign too_low = is_negative && 32'(below) >= 32'(-MINIMUM);
  end else begin : g_positive_minimum
    assign too_low = int'(quotient) < MINIMUM;
  end
  assign code = too_low ? 8'(MINIMUM) : too_high ? 8'(MAXIMUM) : 8'(quotient);
endmodule
`default_nettype wire
