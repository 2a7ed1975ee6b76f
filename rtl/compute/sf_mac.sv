// One multiply-accumulate unit of LANES products per clock. It computes PASSES outputs in turn and so keeps as many sums.
`default_nettype none
module sf_mac #(
    parameter int LANES = 1,
    parameter int PASSES = 1,
    parameter int SUM_BITS = 22,
    parameter int ZERO_POINT = 0
) (
    input  wire                        clk,
    input  wire                        enable,
    input  wire                        first,
    input  wire         [ 8*LANES-1:0] in_data,
    input  wire         [ 8*LANES-1:0] codes,
    output logic signed [SUM_BITS-1:0] sum
);
  /* verilator no_inline_module */
  localparam int CODE_BITS = ZERO_POINT == 0 ? 8 : 9;  // of a code less the zero point
  logic signed [SUM_BITS-1:0] earlier;
  logic signed [CODE_BITS-1:0] lane;

  if (PASSES == 1) begin : g_one
    logic signed [SUM_BITS-1:0] kept;
    assign earlier = kept;
    always_ff @(posedge clk) if (enable) kept <= sum;
  end else begin : g_several
    // Passes come in turn, so that the sums move on like a queue.
    logic signed [SUM_BITS-1:0] kept[PASSES];
    assign earlier = kept[PASSES-1];
    for (genvar i = 0; i < PASSES; i++) begin : g_kept
      if (i == 0) begin : g_newest
        always_ff @(posedge clk) if (enable) kept[i] <= sum;
      end else begin : g_older
        always_ff @(posedge clk) if (enable) kept[i] <= kept[i-1];
      end
    end
  end

  always_comb begin
    sum = first ? 0 : earlier;
    for (int l = 0; l < LANES; l++) begin
      lane = CODE_BITS'($signed(in_data[8*l+:8])) - CODE_BITS'(ZERO_POINT);
      sum = sum + SUM_BITS'(lane) * SUM_BITS'($signed(codes[8*l+:8]));
    end
  end
endmodule
`default_nettype wire
