// Blend (section 3.2): frozen * alpha + trainable * beta, with a code of each per channel. Products are scaled by
// 2^-shift and rounded twice, as all factors are; here they are powers of two. Both products, then their sum, are
// clamped to int8: they are tensors of the integer graph, and so they are outputs here, for tests.
`default_nettype none
module sf_blend #(
    parameter int FIRST_ALPHA = 0,  // words of the task image: a factor of two words, then the codes
    parameter int FIRST_BETA = 0,
    parameter int MINIMUM = -128,  // of both products, and of their sum
    parameter int LANES = 1,
    parameter int BEATS = 1
) (
    input  wire                clk,
    input  wire                reset,
    input  wire  [       55:0] load,
    input  wire                frozen_valid,
    output wire                frozen_ready,
    input  wire  [8*LANES-1:0] frozen_data,
    input  wire                trainable_valid,
    output wire                trainable_ready,
    input  wire  [8*LANES-1:0] trainable_data,
    output wire                out_valid,
    input  wire                out_ready,
    output wire  [8*LANES-1:0] out_data,
    output wire  [8*LANES-1:0] frozen_product,
    output wire  [8*LANES-1:0] trainable_product
);
  localparam int BEAT_BITS = BEATS > 1 ? $clog2(BEATS) : 1;
  logic [BEAT_BITS-1:0] beat;
  logic valid;
  logic [8*LANES-1:0] frozen, trainable;
  logic [4:0] alpha_shift, beta_shift;
  wire [8*LANES-1:0] alphas, betas;
  wire advance = !valid || out_ready;
  wire take = frozen_valid && trainable_valid && advance;

  assign frozen_ready = take;
  assign trainable_ready = take;
  assign out_valid = valid;

  always_ff @(posedge clk) begin
    if (reset) begin
      valid <= 1'b0;
      beat  <= 0;
    end else if (advance) begin
      valid <= take;
      if (take) beat <= int'(beat) == BEATS - 1 ? 0 : beat + 1'b1;
    end
    if (take) begin
      frozen <= frozen_data;
      trainable <= trainable_data;
    end
    if (load[54] && int'(load[53:34]) == FIRST_ALPHA + 1) alpha_shift <= 5'(-load[31:0]);
    if (load[54] && int'(load[53:34]) == FIRST_BETA + 1) beta_shift <= 5'(-load[31:0]);
  end

  sf_weights #(
      .FIRST(FIRST_ALPHA + 2),
      .LANES(LANES),
      .BEATS(BEATS)
  ) alpha_codes (
      .clk(clk),
      .load(load),
      .read(take),
      .read_address(beat),
      .read_data(alphas)
  );
  sf_weights #(
      .FIRST(FIRST_BETA + 2),
      .LANES(LANES),
      .BEATS(BEATS)
  ) beta_codes (
      .clk(clk),
      .load(load),
      .read(take),
      .read_address(beat),
      .read_data(betas)
  );

  for (genvar l = 0; l < LANES; l++) begin : g_lanes
    wire signed [7:0] of_frozen, of_trainable;
    sf_scale #(
        .MINIMUM(MINIMUM)
    ) frozen_scale (
        .code(frozen[8*l+:8]),
        .constant(alphas[8*l+:8]),
        .shift(alpha_shift),
        .scaled(of_frozen)
    );
    sf_scale #(
        .MINIMUM(MINIMUM)
    ) trainable_scale (
        .code(trainable[8*l+:8]),
        .constant(betas[8*l+:8]),
        .shift(beta_shift),
        .scaled(of_trainable)
    );
    wire signed [8:0] total = 9'(of_frozen) + 9'(of_trainable);
    assign frozen_product[8*l+:8] = of_frozen;
    assign trainable_product[8*l+:8] = of_trainable;
    assign out_data[8*l+:8] = int'(total) < MINIMUM ? 8'(MINIMUM) : total > 127 ? 8'sd127 : 8'(total);
  end
endmodule
`default_nettype wire
