// Bias and requantisation factor of each channel, from the task image: words of LANES channels. A factor is one word of
// the image: its upper 25 bits are the multiplier, the lower 7 are shift + 64. Shifts are -31..0.
`default_nettype none
module sf_parameters #(
    parameter int FIRST = 0,  // word of the image: the biases, then the factors
    parameter int LANES = 1,
    parameter int BEATS = 1,
    parameter int BIAS_BITS = 22,
    parameter int FACTOR_BITS = 24  // the upper ones of a multiplier
) (
    input  wire                                       clk,
    input  wire [                               55:0] load,
    input  wire                                       read,
    input  wire [(BEATS > 1 ? $clog2(BEATS) : 1)-1:0] read_address,
    output wire [                BIAS_BITS*LANES-1:0] biases,
    output wire [          (5+FACTOR_BITS)*LANES-1:0] factors   // {multiplier, -shift}
);
  localparam int BEAT_BITS = BEATS > 1 ? $clog2(BEATS) : 1;
  wire [30:0] word = load[30:0];  // a multiplier is positive
  localparam int LANE_BITS = LANES > 1 ? $clog2(LANES) : 1;
  wire write;
  wire [$clog2(2*LANES)-1:0] item_lane;  // a bias, or LANES more for a factor
  wire [BEAT_BITS-1:0] write_address;
  wire of_factor = int'(item_lane) >= LANES;
  wire [LANE_BITS-1:0] write_lane = LANE_BITS'(of_factor ? int'(item_lane) - LANES : int'(item_lane));
  wire [4:0] right = 5'(7'd64 - word[6:0]);

  sf_loader #(
      .FIRST(FIRST),
      .WHOLE(1),
      .LANES(LANES),
      .BEATS(BEATS),
      .TAPS (2)
  ) loader (
      .clk(clk),
      .load(load),
      .write(write),
      .write_lane(item_lane),
      .address(write_address)
  );

  sf_memory #(
      .WORDS(BEATS),
      .LANES(LANES),
      .BITS (BIAS_BITS)
  ) bias_memory (
      .clk(clk),
      .write(write && !of_factor),
      .write_lane(write_lane),
      .write_address(write_address),
      .write_data(word[BIAS_BITS-1:0]),
      .read(read),
      .read_address(read_address),
      .read_data(biases)
  );
  sf_memory #(
      .WORDS(BEATS),
      .LANES(LANES),
      .BITS (5 + FACTOR_BITS)
  ) factor_memory (
      .clk(clk),
      .write(write && of_factor),
      .write_lane(write_lane),
      .write_address(write_address),
      .write_data({word[30-:FACTOR_BITS], right}),
      .read(read),
      .read_address(read_address),
      .read_data(factors)
  );
endmodule
`default_nettype wire
