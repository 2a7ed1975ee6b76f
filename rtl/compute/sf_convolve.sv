// A convolution as an array of MACS multiply-accumulate units, each with LANES products per clock. A pixel arrives in
// BEATS beats of LANES codes (taps and channels), and each beat stays for PASSES clocks: unit m computes the outputs m,
// MACS + m, 2 * MACS + m, ... `codes` of all units are one word, read a clock before they are multiplied, at the
// address beat * PASSES + pass. Finished sums wait in a block per pass, until they have left, OUT_LANES per beat.
//
// clk      0  1  2  3  4  5     two beats, one pass, two outputs
// in_valid /--\/--\______
// read     /--\/--\______
// finished ______/--\____       the sums of the last beat
// out_valid _________/--\/--\
`default_nettype none
module sf_convolve #(
    parameter int LANES = 1,
    parameter int BEATS = 1,
    parameter int PASSES = 1,
    parameter int MACS = 1,
    parameter int OUT_LANES = 1,
    parameter int SUM_BITS = 22,
    parameter int ZERO_POINT = 0
) (
    input  wire                                                     clk,
    input  wire                                                     reset,
    input  wire                                                     in_valid,
    output wire                                                     in_ready,
    input  wire [                                      8*LANES-1:0] in_data,
    output wire                                                     read,
    output wire [(BEATS*PASSES > 1 ? $clog2(BEATS*PASSES) : 1)-1:0] address,
    input  wire [                                 8*MACS*LANES-1:0] codes,
    output wire                                                     out_valid,
    input  wire                                                     out_ready,
    output wire [                           SUM_BITS*OUT_LANES-1:0] out_data
);
  localparam int BLOCKS = BEATS == 1 ? 1 : PASSES;
  localparam int MANY = 16;  // blocks that are memories
  localparam int PARTS = MACS / OUT_LANES;  // beats of a block
  localparam int BLOCK_BITS = BLOCKS > 1 ? $clog2(BLOCKS) : 1;
  localparam int PART_BITS = PARTS > 1 ? $clog2(PARTS) : 1;
  localparam int PASS_BITS = PASSES > 1 ? $clog2(PASSES) : 1;
  localparam int BEAT_BITS = BEATS > 1 ? $clog2(BEATS) : 1;
  localparam int ADDRESS_BITS = BEATS * PASSES > 1 ? $clog2(BEATS * PASSES) : 1;

  logic [PASS_BITS-1:0] pass;
  logic [BEAT_BITS-1:0] beat;
  logic [ADDRESS_BITS-1:0] word;
  logic valid, first, last;
  logic [8*LANES-1:0] taken;
  wire last_pass = int'(pass) == PASSES - 1;
  wire last_beat = int'(beat) == BEATS - 1;
  wire advance;

  wire first_pass = pass == 0;

  // A beat is taken with its first pass, so that the block before can work on the next one during the others.
  assign in_ready = advance && first_pass;
  assign read = advance && (in_valid || !first_pass);
  assign address = word;

  always_ff @(posedge clk) begin
    if (reset) begin
      pass  <= 0;
      beat  <= 0;
      word  <= 0;
      valid <= 1'b0;
    end else if (advance) begin
      valid <= read;
      if (read) begin
        pass <= last_pass ? 0 : pass + 1'b1;
        if (last_pass) beat <= last_beat ? 0 : beat + 1'b1;
        word <= last_pass && last_beat ? 0 : word + 1'b1;
      end
    end
    if (in_valid && in_ready) taken <= in_data;
    if (read) begin
      first <= beat == 0;
      last  <= last_beat;
    end
  end

  // --- Sums of each pass. Those that are not finished come in turn: they are a queue, or if they are many, a memory.
  // A finished sum of each unit is a block. Blocks wait until they have left.
  wire [SUM_BITS*MACS-1:0] sums, earlier, block;
  wire is_free, block_valid;
  logic [PART_BITS-1:0] part;
  wire last_part = int'(part) == PARTS - 1;
  wire moves = valid && advance;
  wire leaves = out_valid && out_ready && last_part;  // the last beat of a block

  assign advance   = !(valid && last) || is_free;
  assign out_valid = block_valid;
  always_ff @(posedge clk) begin
    if (reset) part <= 0;
    else if (out_valid && out_ready) part <= last_part ? 0 : part + 1'b1;
  end

  for (genvar m = 0; m < MACS; m++) begin : g_macs
    sf_mac #(
        .LANES(LANES),
        .SUM_BITS(SUM_BITS),
        .ZERO_POINT(ZERO_POINT)
    ) mac (
        .earlier(first ? SUM_BITS'(0) : earlier[SUM_BITS*m+:SUM_BITS]),
        .in_data(taken),
        .codes(codes[8*LANES*m+:8*LANES]),
        .sum(sums[SUM_BITS*m+:SUM_BITS])
    );
  end

  if (BLOCKS >= MANY) begin : g_memories
    logic [BLOCK_BITS-1:0] now;
    wire  [BLOCK_BITS-1:0] next = int'(now) == BLOCKS - 1 ? 0 : now + 1'b1;
    always_ff @(posedge clk) begin
      if (reset) now <= 0;
      else if (moves) now <= next;
    end
    sf_memory #(
        .WORDS(BLOCKS),
        .LANES(1),
        .BITS (SUM_BITS * MACS)
    ) unfinished (
        .clk(clk),
        .write(moves),
        .write_lane(1'b0),
        .write_address(now),
        .write_data(sums),
        .read(moves),
        .read_address(next),
        .read_data(earlier)
    );
    sf_fifo #(
        .BITS (SUM_BITS * MACS),
        .DEPTH(BLOCKS)
    ) blocks (
        .clk(clk),
        .reset(reset),
        .in_valid(valid && last),
        .in_ready(is_free),
        .in_data(sums),
        .out_valid(block_valid),
        .out_ready(leaves),
        .out_data(block)
    );
  end else begin : g_registers
    logic [SUM_BITS*MACS-1:0] kept[BLOCKS];
    assign earlier = kept[BLOCKS-1];
    for (genvar b = 0; b < BLOCKS; b++) begin : g_kept
      if (b == 0) begin : g_newest
        always_ff @(posedge clk) if (moves) kept[b] <= sums;
      end else begin : g_older
        always_ff @(posedge clk) if (moves) kept[b] <= kept[b-1];
      end
    end

    wire finished = valid && last && is_free;
    logic [BLOCKS-1:0] full;
    logic [BLOCK_BITS-1:0] in_block, out_block;
    assign is_free = !full[in_block] || (leaves && in_block == out_block);
    assign block_valid = full[out_block];
    always_ff @(posedge clk) begin
      if (reset) begin
        full <= 0;
        in_block <= 0;
        out_block <= 0;
      end else begin
        if (leaves) begin
          full[out_block] <= 1'b0;
          out_block <= int'(out_block) == BLOCKS - 1 ? 0 : out_block + 1'b1;
        end
        if (finished) begin
          full[in_block] <= 1'b1;
          in_block <= int'(in_block) == BLOCKS - 1 ? 0 : in_block + 1'b1;
        end
      end
    end
    wire [SUM_BITS*MACS-1:0] blocks[BLOCKS];
    assign block = blocks[out_block];
    for (genvar b = 0; b < BLOCKS; b++) begin : g_blocks
      logic [SUM_BITS*MACS-1:0] held;
      assign blocks[b] = held;
      always_ff @(posedge clk) if (finished && int'(in_block) == b) held <= sums;
    end
  end

  // The part that leaves, by an index of an array: a part select that varies would become a shifter.
  wire [SUM_BITS*OUT_LANES-1:0] parts_of_block[PARTS];
  for (genvar p = 0; p < PARTS; p++) begin : g_parts
    assign parts_of_block[p] = block[SUM_BITS*OUT_LANES*p+:SUM_BITS*OUT_LANES];
  end
  assign out_data = parts_of_block[part];
endmodule
`default_nettype wire
