// One requantiser (sf_round) that STREAMS streams share in turn, for stages with many clocks per pixel. Each stream has BEATS
// beats of one sum per pixel; its biases and factors are the words from STREAM * BEATS on. A stream's next sum is taken when
// its last code has left, so that no stream ever waits for another one's reader.
//
// clk        0  1  2  3  4     two streams, one step
// in_valid0  /--\_____________
// in_valid1  /-----\__________
// read       /-----\__________
// product    ______/-----\____
// out_valid0 _________/--\____
// out_valid1 ____________/--\_
`default_nettype none
module sf_shared_requantise #(
    parameter int STREAMS = 2,
    parameter int BEATS = 1,
    parameter int IN_BITS = 20,  // of a sum
    parameter int BIAS_BITS = 20,
    parameter int SUM_BITS = 22,  // of a sum with its bias
    parameter int FACTOR_BITS = 24,
    parameter int STEPS = 1,
    parameter logic [STREAMS-1:0] RECTIFIED = 0  // streams whose least code is 0, not -128
) (
    input  wire                                                         clk,
    input  wire                                                         reset,
    input  wire  [                                         STREAMS-1:0] in_valid,
    output wire  [                                         STREAMS-1:0] in_ready,
    input  wire  [                                 IN_BITS*STREAMS-1:0] in_data,
    output wire                                                         read,
    output wire  [(STREAMS*BEATS > 1 ? $clog2(STREAMS*BEATS) : 1)-1:0] address,
    input  wire  [                                       BIAS_BITS-1:0] bias,
    input  wire  [                                   5+FACTOR_BITS-1:0] factor,
    output logic [                                         STREAMS-1:0] out_valid,
    input  wire  [                                         STREAMS-1:0] out_ready,
    output wire  [                                       8*STREAMS-1:0] out_data
);
  localparam int ADDRESS_BITS = STREAMS * BEATS > 1 ? $clog2(STREAMS * BEATS) : 1;

  // --- Which stream is next: the first that waits after the one before, else the first that waits
  logic [STREAMS-1:0] busy;  // has a sum inside, or a code that has not left
  logic [STREAMS-1:0] after;  // streams after the one that was taken last
  logic summed;
  logic [4:0] step;
  wire last_step = int'(step) == STEPS - 1;
  wire next = !summed || last_step;
  wire [STREAMS-1:0] waiting = in_valid & ~busy;
  wire [STREAMS-1:0] later = waiting & after;
  wire [STREAMS-1:0] candidates = later != 0 ? later : waiting;
  wire [STREAMS-1:0] chosen = candidates & (~candidates + 1'b1);
  assign in_ready = next ? chosen : 0;
  assign read = next && waiting != 0;

  // What the chosen stream has: its sum, and the address of its bias and factor
  wire [ADDRESS_BITS-1:0] addresses[STREAMS+1];
  wire [IN_BITS-1:0] sums[STREAMS+1];
  assign addresses[0] = 0;
  assign sums[0] = 0;
  assign address = addresses[STREAMS];
  for (genvar s = 0; s < STREAMS; s++) begin : g_streams
    localparam logic [ADDRESS_BITS-1:0] FIRST = ADDRESS_BITS'(s * BEATS);
    localparam logic [ADDRESS_BITS-1:0] LAST = ADDRESS_BITS'(s * BEATS + BEATS - 1);
    logic [ADDRESS_BITS-1:0] own;
    assign addresses[s+1] = addresses[s] | (chosen[s] ? own : 0);
    assign sums[s+1] = sums[s] | (chosen[s] ? in_data[IN_BITS*s+:IN_BITS] : 0);
    always_ff @(posedge clk) begin
      if (reset) own <= FIRST;
      else if (in_ready[s]) own <= own == LAST ? FIRST : own + 1'b1;
    end
  end

  // --- What was taken is multiplied, then rounded, and waits in the place of its stream
  logic multiplied;
  logic [IN_BITS-1:0] sum;
  logic [STREAMS-1:0] of_sum, of_product;
  wire [7:0] code;
  wire [7:0] least_0 = code[7] ? 8'd0 : code;
  always_ff @(posedge clk) begin
    if (reset) begin
      busy <= 0;
      after <= 0;
      summed <= 1'b0;
      multiplied <= 1'b0;
      step <= 0;
      out_valid <= 0;
    end else begin
      busy <= (busy & ~(out_valid & out_ready)) | in_ready;
      if (next) summed <= read;
      if (summed) step <= last_step ? 0 : step + 1'b1;
      multiplied <= summed && last_step;
      out_valid  <= (out_valid & ~out_ready) | (multiplied ? of_product : 0);
      if (read) after <= ~(chosen | (chosen - 1'b1));
    end
    if (read) begin
      sum <= sums[STREAMS];
      of_sum <= chosen;
    end
    if (summed) of_product <= of_sum;
  end

  sf_round #(
      .IN_BITS(IN_BITS),
      .BIAS_BITS(BIAS_BITS),
      .SUM_BITS(SUM_BITS),
      .FACTOR_BITS(FACTOR_BITS),
      .STEPS(STEPS)
  ) round (
      .clk(clk),
      .enable(summed),
      .step(step),
      .sum(sum),
      .bias(bias),
      .multiplier(factor[5+:FACTOR_BITS]),
      .shift(factor[4:0]),
      .code(code)
  );

  for (genvar s = 0; s < STREAMS; s++) begin : g_codes
    logic [7:0] held;
    assign out_data[8*s+:8] = held;
    always_ff @(posedge clk) if (multiplied && of_product[s]) held <= RECTIFIED[s] ? least_0 : code;
  end
endmodule
`default_nettype wire
