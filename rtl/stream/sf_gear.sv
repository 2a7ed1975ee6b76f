// Another number of bytes per beat: IN_BITS to OUT_BITS, of which one is a multiple of the other. Low bits come first.
`default_nettype none
module sf_gear #(
    parameter int IN_BITS  = 32,
    parameter int OUT_BITS = 8
) (
    input  wire                 clk,
    input  wire                 reset,
    input  wire                 in_valid,
    output wire                 in_ready,
    input  wire  [ IN_BITS-1:0] in_data,
    output wire                 out_valid,
    input  wire                 out_ready,
    output wire  [OUT_BITS-1:0] out_data
);
  localparam int WIDE = IN_BITS > OUT_BITS ? IN_BITS : OUT_BITS;
  localparam int NARROW = IN_BITS > OUT_BITS ? OUT_BITS : IN_BITS;
  localparam int PARTS = WIDE / NARROW;

  logic [WIDE-1:0] held;
  logic [$clog2(PARTS+1)-1:0] parts;  // that are held

  if (IN_BITS > OUT_BITS) begin : g_narrower
    assign out_valid = parts != 0;
    assign out_data  = held[OUT_BITS-1:0];
    assign in_ready  = parts == 0 || (parts == 1 && out_ready);
    always_ff @(posedge clk) begin
      if (reset) parts <= 0;
      else if (in_valid && in_ready) parts <= PARTS[$clog2(PARTS+1)-1:0];
      else if (out_valid && out_ready) parts <= parts - 1'b1;
      if (in_valid && in_ready) held <= in_data;
      else if (out_valid && out_ready) held <= held >> OUT_BITS;
    end
  end else begin : g_wider
    assign out_valid = int'(parts) == PARTS;
    assign out_data  = held;
    assign in_ready  = !out_valid || out_ready;
    always_ff @(posedge clk) begin
      if (reset) parts <= 0;
      else if (in_valid && in_ready) parts <= out_valid ? 1 : parts + 1'b1;
      else if (out_valid && out_ready) parts <= 0;
      if (in_valid && in_ready) held <= WIDE'({in_data, held} >> IN_BITS);
    end
  end
endmodule
`default_nettype wire
