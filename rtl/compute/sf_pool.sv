// Running average over a whole map (section 3.3): a sum per channel, and after the last pixel the means,
// (sum +- PIXELS / 2) / PIXELS towards zero. A beat takes 2 clocks. Finished sums move to a second memory, so that the
// next frame is summed while a serial divider makes one bit of a mean per clock.
`default_nettype none
module sf_pool #(
    parameter int PIXELS   = 4,
    parameter int CHANNELS = 2,
    parameter int MINIMUM  = -128,
    parameter int MAXIMUM  = 127
) (
    input  wire        clk,
    input  wire        reset,
    input  wire        in_valid,
    output wire        in_ready,
    input  wire  [7:0] in_data,
    output wire        out_valid,
    input  wire        out_ready,
    output wire  [7:0] out_data
);
  localparam int COUNT_BITS = $clog2(PIXELS + 1);
  localparam int SUM_BITS = COUNT_BITS + 8;
  localparam int CHANNEL_BITS = CHANNELS > 1 ? $clog2(CHANNELS) : 1;
  localparam int STEP_BITS = $clog2(SUM_BITS + 1);

  // --- Sums: one is read, and a clock later added to and written.
  logic [CHANNEL_BITS-1:0] channel;
  logic [COUNT_BITS-1:0] pixel;
  logic [7:0] code;
  logic adds;
  logic divides;  // means of the frame before are still to be made
  wire [SUM_BITS-1:0] kept;
  wire last_channel = int'(channel) == CHANNELS - 1;
  wire last_pixel = int'(pixel) == PIXELS - 1;
  wire signed [SUM_BITS-1:0] sum = (pixel == 0 ? SUM_BITS'(0) : $signed(kept)) + SUM_BITS'($signed(code));
  wire take = in_valid && in_ready;

  assign in_ready = !adds && !(last_pixel && divides);

  sf_memory #(
      .WORDS(CHANNELS),
      .LANES(1),
      .BITS (SUM_BITS)
  ) sums (
      .clk(clk),
      .write(adds && !last_pixel),
      .write_lane(1'b0),
      .write_address(channel),
      .write_data(sum),
      .read(take),
      .read_address(channel),
      .read_data(kept)
  );

  always_ff @(posedge clk) begin
    if (reset) begin
      channel <= 0;
      pixel <= 0;
      adds <= 1'b0;
    end else begin
      adds <= take;
      if (adds) begin
        channel <= last_channel ? 0 : channel + 1'b1;
        if (last_channel) pixel <= last_pixel ? 0 : pixel + 1'b1;
      end
    end
    if (take) code <= in_data;
  end

  // --- Means: a finished sum is read, made positive, divided bit by bit, and leaves.
  localparam logic [1:0] READ = 2'd0, BEGIN = 2'd1, DIVIDE = 2'd2, LEAVE = 2'd3;
  logic [1:0] state;
  logic [CHANNEL_BITS-1:0] mean_channel;
  logic negative;
  logic [SUM_BITS-1:0] dividend;
  logic [COUNT_BITS-1:0] remainder;
  logic [STEP_BITS-1:0] steps;
  wire [SUM_BITS-1:0] finished;
  wire [COUNT_BITS:0] shifted = {remainder, dividend[SUM_BITS-1]};
  wire fits = int'(shifted) >= PIXELS;
  wire last_mean = int'(mean_channel) == CHANNELS - 1;

  sf_memory #(
      .WORDS(CHANNELS),
      .LANES(1),
      .BITS (SUM_BITS)
  ) finished_sums (
      .clk(clk),
      .write(adds && last_pixel),
      .write_lane(1'b0),
      .write_address(channel),
      .write_data(sum),
      .read(divides && state == READ),
      .read_address(mean_channel),
      .read_data(finished)
  );

  always_ff @(posedge clk) begin
    if (reset) begin
      divides <= 1'b0;
      state <= READ;
      mean_channel <= 0;
    end else if (!divides) begin
      divides <= adds && last_pixel && last_channel;
    end else begin
      if (state != DIVIDE || steps == 1) state <= state == LEAVE && !out_ready ? LEAVE : state + 1'b1;
      if (state == LEAVE && out_ready) begin
        mean_channel <= last_mean ? 0 : mean_channel + 1'b1;
        divides <= !last_mean;
      end
    end
    if (state == BEGIN) begin
      negative <= finished[SUM_BITS-1];
      dividend <= (finished[SUM_BITS-1] ? -finished : finished) + SUM_BITS'(PIXELS / 2);
      remainder <= 0;
      steps <= STEP_BITS'(SUM_BITS);
    end else if (state == DIVIDE) begin
      dividend <= {dividend[SUM_BITS-2:0], fits};
      remainder <= COUNT_BITS'(fits ? shifted - (COUNT_BITS + 1)'(PIXELS) : shifted);
      steps <= steps - 1'b1;
    end
  end

  wire signed [SUM_BITS-1:0] mean = negative ? -dividend : dividend;
  assign out_valid = state == LEAVE;
  assign out_data  = int'(mean) < MINIMUM ? 8'(MINIMUM) : int'(mean) > MAXIMUM ? 8'(MAXIMUM) : 8'(mean);
endmodule
`default_nettype wire
