// Codes that a task sets, int8: a memory that is loaded from the task image. Its read port is that of a ROM of frozen
// codes, so that one takes the place of the other.
`default_nettype none
module sf_weights #(
    parameter int FIRST  = 0,
    parameter int LANES  = 1,
    parameter int BEATS  = 1,
    parameter int TAPS   = 1,
    parameter int MACS   = 1,
    parameter int PASSES = 1
) (
    input  wire                                                     clk,
    input  wire [                                             55:0] load,
    input  wire                                                     read,
    input  wire [(BEATS*PASSES > 1 ? $clog2(BEATS*PASSES) : 1)-1:0] read_address,
    output wire [                            8*MACS*TAPS*LANES-1:0] read_data
);
  localparam int CODES = MACS * TAPS * LANES;
  wire write;
  wire [(CODES > 1 ? $clog2(CODES) : 1)-1:0] write_lane;
  wire [(BEATS*PASSES > 1 ? $clog2(BEATS*PASSES) : 1)-1:0] write_address;
  wire [7:0] code = load[8*load[33:32]+:8];

  sf_loader #(
      .FIRST(FIRST),
      .LANES(LANES),
      .BEATS(BEATS),
      .TAPS(TAPS),
      .MACS(MACS),
      .PASSES(PASSES)
  ) loader (
      .clk(clk),
      .load(load),
      .write(write),
      .write_lane(write_lane),
      .address(write_address)
  );

  sf_memory #(
      .WORDS(BEATS * PASSES),
      .LANES(CODES),
      .BITS (8)
  ) codes (
      .clk(clk),
      .write(write),
      .write_lane(write_lane),
      .write_address(write_address),
      .write_data(code),
      .read(read),
      .read_address(read_address),
      .read_data(read_data)
  );
endmodule
`default_nettype wire
