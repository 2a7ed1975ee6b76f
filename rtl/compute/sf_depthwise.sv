// Depthwise convolution: one sum of TAPS products per channel, LANES channels at once. A beat stays for STEPS clocks, in each
// of which TAPS / STEPS taps are multiplied. `codes` are read a clock before that, at the address beat * STEPS + step.
//
// clk       0  1  2  3  4  5     two beats, three steps
// in_valid  /--------\/-------
// read      /--------\/-------
// out_valid _________/--\_____   the sum of the first beat
`default_nettype none
module sf_depthwise #(
    parameter int TAPS = 9,
    parameter int LANES = 1,
    parameter int BEATS = 1,
    parameter int STEPS = 1,
    parameter int SUM_BITS = 20,
    parameter int ZERO_POINT = 0
) (
    input  wire                                                   clk,
    input  wire                                                   reset,
    input  wire                                                   in_valid,
    output wire                                                   in_ready,
    input  wire [                               8*TAPS*LANES-1:0] in_data,
    output wire                                                   read,
    output wire [(BEATS*STEPS > 1 ? $clog2(BEATS*STEPS) : 1)-1:0] address,
    input  wire [                         8*TAPS/STEPS*LANES-1:0] codes,
    output wire                                                   out_valid,
    input  wire                                                   out_ready,
    output wire [                             SUM_BITS*LANES-1:0] out_data
);
  localparam int PART = TAPS / STEPS;  // taps per clock
  localparam int STEP_BITS = STEPS > 1 ? $clog2(STEPS) : 1;
  localparam int ADDRESS_BITS = BEATS * STEPS > 1 ? $clog2(BEATS * STEPS) : 1;
  localparam int CODE_BITS = ZERO_POINT == 0 ? 8 : 9;  // of a code less the zero point
  logic [ADDRESS_BITS-1:0] word;
  logic [STEP_BITS-1:0] step;
  logic valid, first, last;
  logic [8*PART*LANES-1:0] taps;
  wire last_step = int'(step) == STEPS - 1;
  wire advance = !out_valid || out_ready;

  assign in_ready = advance && last_step;
  assign read = in_valid && advance;
  assign address = word;
  assign out_valid = valid && last;

  wire [8*PART*LANES-1:0] parts[STEPS];
  for (genvar s = 0; s < STEPS; s++) begin : g_parts
    assign parts[s] = in_data[8*PART*LANES*s+:8*PART*LANES];
  end

  always_ff @(posedge clk) begin
    if (reset) begin
      valid <= 1'b0;
      step  <= 0;
      word  <= 0;
    end else if (advance) begin
      valid <= in_valid;
      if (in_valid) step <= last_step ? 0 : step + 1'b1;
      if (in_valid) word <= int'(word) == BEATS * STEPS - 1 ? 0 : word + 1'b1;
    end
    if (read) begin
      taps  <= parts[step];
      first <= step == 0;
      last  <= last_step;
    end
  end

  for (genvar l = 0; l < LANES; l++) begin : g_lanes
    logic signed [SUM_BITS-1:0] earlier;
    logic signed [SUM_BITS-1:0] sum;
    logic signed [CODE_BITS-1:0] tap;
    if (STEPS == 1) begin : g_whole
      assign earlier = 0;
    end else begin : g_steps
      logic signed [SUM_BITS-1:0] kept;
      assign earlier = first ? 0 : kept;
      always_ff @(posedge clk) if (valid && advance) kept <= sum;
    end
    always_comb begin
      sum = earlier;
      for (int t = 0; t < PART; t++) begin
        tap = CODE_BITS'($signed(taps[8*(t*LANES+l)+:8])) - CODE_BITS'(ZERO_POINT);
        sum = sum + SUM_BITS'(tap) * SUM_BITS'($signed(codes[8*(t*LANES+l)+:8]));
      end
    end
    assign out_data[SUM_BITS*l+:SUM_BITS] = sum;
  end
endmodule
`default_nettype wire
