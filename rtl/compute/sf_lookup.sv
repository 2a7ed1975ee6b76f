// Any function of one code: the piecewise-linear activation of a head (section 3.3), as a table that a task sets.
`default_nettype none
module sf_lookup #(
    parameter int FIRST = 0  // word of the task image
) (
    input  wire        clk,
    input  wire        reset,
    input  wire [55:0] load,
    input  wire        in_valid,
    output wire        in_ready,
    input  wire [ 7:0] in_data,
    output wire        out_valid,
    input  wire        out_ready,
    output wire [ 7:0] out_data
);
  logic valid;
  wire advance = !valid || out_ready;

  assign in_ready  = advance;
  assign out_valid = valid;

  sf_weights #(
      .FIRST(FIRST),
      .LANES(1),
      .BEATS(256)
  ) codes (
      .clk(clk),
      .load(load),
      .read(in_valid && advance),
      .read_address(in_data ^ 8'h80),
      .read_data(out_data)
  );

  always_ff @(posedge clk) begin
    if (reset) valid <= 1'b0;
    else if (advance) valid <= in_valid;
  end
endmodule
`default_nettype wire
