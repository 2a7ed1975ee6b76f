// Core shuffle (section 3.2) of one core: with `on`, the second half of the maps is the other core's. Both streams are
// read beat by beat, whether it is on or not.
`default_nettype none
module sf_core_shuffle #(
    parameter int BEATS = 4,
    parameter int LANES = 1
) (
    input  wire                clk,
    input  wire                reset,
    input  wire                on,
    input  wire                own_valid,
    output wire                own_ready,
    input  wire  [8*LANES-1:0] own_data,
    input  wire                other_valid,
    output wire                other_ready,
    input  wire  [8*LANES-1:0] other_data,
    output wire                out_valid,
    input  wire                out_ready,
    output logic [8*LANES-1:0] out_data
);
  localparam int HALF = BEATS * LANES / 2;
  logic [(BEATS > 1 ? $clog2(BEATS) : 1)-1:0] beat;

  assign out_valid = own_valid && other_valid;
  assign own_ready = out_valid && out_ready;
  assign other_ready = out_valid && out_ready;

  always_comb begin
    for (int i = 0; i < LANES; i++) begin
      out_data[8*i+:8] = on && int'(beat) * LANES + i >= HALF ? other_data[8*i+:8] : own_data[8*i+:8];
    end
  end

  always_ff @(posedge clk) begin
    if (reset) beat <= 0;
    else if (out_valid && out_ready) beat <= int'(beat) == BEATS - 1 ? 0 : beat + 1'b1;
  end
endmodule
`default_nettype wire
