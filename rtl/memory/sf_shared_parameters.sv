// Biases and factors of a requantiser that several streams share, as in sf_parameters. Those of stream s are words of the task
// image from FIRSTS[s] on: its biases, then its factors. Streams are in the order of the image.
`default_nettype none
module sf_shared_parameters #(
    parameter int STREAMS = 2,
    parameter logic [20*STREAMS-1:0] FIRSTS = 0,
    parameter int BEATS = 1,  // of each stream
    parameter int BIAS_BITS = 22,
    parameter int FACTOR_BITS = 24  // the upper ones of a multiplier
) (
    input  wire                                                         clk,
    input  wire  [                                                55:0] load,
    input  wire                                                         read,
    input  wire  [(STREAMS*BEATS > 1 ? $clog2(STREAMS*BEATS) : 1)-1:0] read_address,
    output wire  [                                       BIAS_BITS-1:0] bias,
    output wire  [                                   5+FACTOR_BITS-1:0] factor  // {multiplier, -shift}
);
  localparam int ADDRESS_BITS = STREAMS * BEATS > 1 ? $clog2(STREAMS * BEATS) : 1;
  localparam int STREAM_BITS = STREAMS > 1 ? $clog2(STREAMS) : 1;
  wire [30:0] word = load[30:0];  // a multiplier is positive
  wire [4:0] right = 5'(7'd64 - word[6:0]);

  // The stream whose words are next, or arrive. Of `first`, its word is the beat, or BEATS more for a factor.
  wire [19:0] firsts[STREAMS];
  for (genvar s = 0; s < STREAMS; s++) begin : g_firsts
    assign firsts[s] = FIRSTS[20*s+:20];
  end
  logic [STREAM_BITS-1:0] stream;
  logic [ADDRESS_BITS-1:0] first;  // of its words in the memory
  wire [19:0] index = load[53:34] - firsts[stream];
  wire of_factor = int'(index) >= BEATS;
  wire write = load[54] && load[33:32] == 3 && int'(index) < 2 * BEATS;
  wire last = int'(index) == 2 * BEATS - 1;
  wire [ADDRESS_BITS-1:0] write_address = ADDRESS_BITS'(int'(first) + int'(index) - (of_factor ? BEATS : 0));

  always_ff @(posedge clk) begin
    if (load[55]) begin
      stream <= 0;
      first  <= 0;
    end else if (write && last && int'(stream) != STREAMS - 1) begin
      stream <= stream + 1'b1;
      first  <= ADDRESS_BITS'(int'(first) + BEATS);
    end
  end

  sf_memory #(
      .WORDS(STREAMS * BEATS),
      .LANES(1),
      .BITS (BIAS_BITS)
  ) bias_memory (
      .clk(clk),
      .write(write && !of_factor),
      .write_lane(1'b0),
      .write_address(write_address),
      .write_data(word[BIAS_BITS-1:0]),
      .read(read),
      .read_address(read_address),
      .read_data(bias)
  );
  sf_memory #(
      .WORDS(STREAMS * BEATS),
      .LANES(1),
      .BITS (5 + FACTOR_BITS)
  ) factor_memory (
      .clk(clk),
      .write(write && of_factor),
      .write_lane(1'b0),
      .write_address(write_address),
      .write_data({word[30-:FACTOR_BITS], right}),
      .read(read),
      .read_address(read_address),
      .read_data(factor)
  );
endmodule
`default_nettype wire
