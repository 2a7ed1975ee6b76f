// Depthwise convolution: one sum of TAPS products per channel, LANES channels per clock. `codes` are read a clock before
// they are multiplied, at the address of the beat.
`default_nettype none
module sf_depthwise #(
    parameter int TAPS = 9,
    parameter int LANES = 1,
    parameter int BEATS = 1,
    parameter int SUM_BITS = 20,
    parameter int ZERO_POINT = 0
) (
    input  wire                                       clk,
    input  wire                                       reset,
    input  wire                                       in_valid,
    output wire                                       in_ready,
    input  wire  [                  8*TAPS*LANES-1:0] in_data,
    output wire                                       read,
    output wire  [(BEATS > 1 ? $clog2(BEATS) : 1)-1:0] address,
    input  wire  [                  8*TAPS*LANES-1:0] codes,
    output wire                                       out_valid,
    input  wire                                       out_ready,
    output logic [                SUM_BITS*LANES-1:0] out_data
);
  localparam int BEAT_BITS = BEATS > 1 ? $clog2(BEATS) : 1;
  localparam int CODE_BITS = ZERO_POINT == 0 ? 8 : 9;  // of a code less the zero point
  logic [BEAT_BITS-1:0] beat;
  logic valid;
  logic [8*TAPS*LANES-1:0] taps;
  wire advance = !valid || out_ready;

  assign in_ready = advance;
  assign read = in_valid && advance;
  assign address = beat;
  assign out_valid = valid;

  always_ff @(posedge clk) begin
    if (reset) begin
      valid <= 1'b0;
      beat  <= 0;
    end else if (advance) begin
      valid <= in_valid;
      if (in_valid) beat <= int'(beat) == BEATS - 1 ? 0 : beat + 1'b1;
    end
    if (read) taps <= in_data;
  end

  for (genvar l = 0; l < LANES; l++) begin : g_lanes
    logic signed [SUM_BITS-1:0] sum;
    logic signed [CODE_BITS-1:0] tap;
    always_comb begin
      sum = 0;
      for (int t = 0; t < TAPS; t++) begin
        tap = CODE_BITS'($signed(taps[8*(t*LANES+l)+:8])) - CODE_BITS'(ZERO_POINT);
        sum = sum + SUM_BITS'(tap) * SUM_BITS'($signed(codes[8*(t*LANES+l)+:8]));
      end
    end
    assign out_data[SUM_BITS*l+:SUM_BITS] = sum;
  end
endmodule
`default_nettype wire
