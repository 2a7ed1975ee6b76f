// A split: of each BEATS beats, COUNT from FIRST pass, and the others are dropped. The data are only wired.
`default_nettype none
module sf_select #(
    parameter int BEATS = 4,
    parameter int FIRST = 0,
    parameter int COUNT = 2
) (
    input  wire clk,
    input  wire reset,
    input  wire in_valid,
    output wire in_ready,
    output wire out_valid,
    input  wire out_ready
);
  logic [(BEATS > 1 ? $clog2(BEATS) : 1)-1:0] beat;
  wire passes = int'(beat) >= FIRST && int'(beat) < FIRST + COUNT;

  assign out_valid = in_valid && passes;
  assign in_ready  = out_ready || !passes;

  always_ff @(posedge clk) begin
    if (reset) beat <= 0;
    else if (in_valid && in_ready) beat <= int'(beat) == BEATS - 1 ? 0 : beat + 1'b1;
  end
endmodule
`default_nettype wire
