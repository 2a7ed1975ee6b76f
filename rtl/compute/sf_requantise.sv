// Requantisation: sums plus bias, times multiplier * 2^(shift - 31), as int8 codes. Three clocks: bias and factor are
// read, the product is kept, the code is rounded. The product takes STEPS clocks (sf_round).
`default_nettype none
module sf_requantise #(
    parameter int LANES = 1,
    parameter int BEATS = 1,
    parameter int IN_BITS = 20,  // of a sum
    parameter int BIAS_BITS = 20,
    parameter int SUM_BITS = 22,  // of a sum with its bias
    parameter int FACTOR_BITS = 24,
    parameter int STEPS = 1,
    parameter int ZERO_POINT = 0,
    parameter int MINIMUM = -128,
    parameter int MAXIMUM = 127
) (
    input  wire                                        clk,
    input  wire                                        reset,
    input  wire                                        in_valid,
    output wire                                        in_ready,
    input  wire  [                  IN_BITS*LANES-1:0] in_data,
    output wire                                        read,
    output wire  [(BEATS > 1 ? $clog2(BEATS) : 1)-1:0] address,
    input  wire  [                BIAS_BITS*LANES-1:0] biases,
    input  wire  [          (5+FACTOR_BITS)*LANES-1:0] factors,
    output wire                                        out_valid,
    input  wire                                        out_ready,
    output wire  [                        8*LANES-1:0] out_data
);
  localparam int BEAT_BITS = BEATS > 1 ? $clog2(BEATS) : 1;
  logic [BEAT_BITS-1:0] beat;
  logic summed, multiplied;
  logic [IN_BITS*LANES-1:0] sums;
  logic [4:0] step;
  wire last_step = int'(step) == STEPS - 1;
  wire works = summed && (step != 0 || !multiplied || out_ready);
  wire next = !summed || (works && last_step);

  assign in_ready = next;
  assign read = in_valid && next;
  assign address = beat;
  assign out_valid = multiplied;

  always_ff @(posedge clk) begin
    if (reset) begin
      beat <= 0;
      summed <= 1'b0;
      multiplied <= 1'b0;
      step <= 0;
    end else begin
      if (read) beat <= int'(beat) == BEATS - 1 ? 0 : beat + 1'b1;
      if (next) summed <= in_valid;
      if (works) step <= last_step ? 0 : step + 1'b1;
      multiplied <= works ? last_step : multiplied && !out_ready;
    end
    if (read) sums <= in_data;
  end

  for (genvar l = 0; l < LANES; l++) begin : g_lanes
    sf_round #(
        .IN_BITS(IN_BITS),
        .BIAS_BITS(BIAS_BITS),
        .SUM_BITS(SUM_BITS),
        .FACTOR_BITS(FACTOR_BITS),
        .STEPS(STEPS),
        .ZERO_POINT(ZERO_POINT),
        .MINIMUM(MINIMUM),
        .MAXIMUM(MAXIMUM)
    ) round (
        .clk(clk),
        .enable(works),
        .step(step),
        .sum(sums[IN_BITS*l+:IN_BITS]),
        .bias(biases[BIAS_BITS*l+:BIAS_BITS]),
        .multiplier(factors[(5+FACTOR_BITS)*l+5+:FACTOR_BITS]),
        .shift(factors[(5+FACTOR_BITS)*l+:5]),
        .code(out_data[8*l+:8])
    );
  end
endmodule
`default_nettype wire
