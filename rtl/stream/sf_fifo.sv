// First in, first out. It holds DEPTH words, and one more at its output; a word takes 2 clocks to pass. PACK words are side
// by side in its memory, which is smaller if it is not long and narrow: they are collected, and written when all are there.
// A word that is read before that comes from where they are collected.
//
// clk       0  1  2  3  4
// in_valid  _/--\________
// out_valid _______/--\__
`default_nettype none
module sf_fifo #(
    parameter int BITS  = 8,
    parameter int DEPTH = 2,
    parameter int PACK  = 1   // a power of two that divides DEPTH
) (
    input  wire             clk,
    input  wire             reset,
    input  wire             in_valid,
    output wire             in_ready,
    input  wire  [BITS-1:0] in_data,
    output logic            out_valid,
    input  wire             out_ready,
    output wire  [BITS-1:0] out_data
);
  localparam int ADDRESS_BITS = DEPTH > 1 ? $clog2(DEPTH) : 1;
  localparam int LAST = DEPTH - 1;

  logic [ADDRESS_BITS-1:0] write_address;
  logic [ADDRESS_BITS-1:0] read_address;
  logic [$clog2(DEPTH+1)-1:0] count;
  wire write = in_valid && in_ready;
  wire read = count != 0 && (!out_valid || out_ready);

  assign in_ready = int'(count) != DEPTH;

  if (PACK == 1) begin : g_words
    sf_memory #(
        .WORDS(DEPTH),
        .LANES(1),
        .BITS (BITS)
    ) memory (
        .clk(clk),
        .write(write),
        .write_lane(1'b0),
        .write_address(write_address),
        .write_data(in_data),
        .read(read),
        .read_address(read_address),
        .read_data(out_data)
    );
  end else begin : g_packs
    localparam int LOW = $clog2(PACK);
    localparam int ROWS = DEPTH / PACK;
    localparam int ROW_BITS = ROWS > 1 ? $clog2(ROWS) : 1;
    wire [LOW-1:0] write_low = write_address[LOW-1:0];
    wire [LOW-1:0] read_low = read_address[LOW-1:0];
    wire [ROW_BITS-1:0] write_row = ROW_BITS'(write_address >> LOW);
    wire [ROW_BITS-1:0] read_row = ROW_BITS'(read_address >> LOW);
    wire is_collected = read_row == write_row && read_low < write_low;
    logic [BITS-1:0] collected[PACK-1];
    logic [BITS-1:0] early;
    logic is_early;
    logic [LOW-1:0] low;
    wire [PACK*BITS-1:0] row, whole;
    wire [BITS-1:0] words[PACK];

    for (genvar i = 0; i < PACK; i++) begin : g_word
      assign words[i] = row[BITS*i+:BITS];
      if (i < PACK - 1) begin : g_collected
        assign whole[BITS*i+:BITS] = collected[i];
        always_ff @(posedge clk) if (write && int'(write_low) == i) collected[i] <= in_data;
      end else begin : g_last
        assign whole[BITS*i+:BITS] = in_data;
      end
    end

    always_ff @(posedge clk) begin
      if (read) begin
        is_early <= is_collected;
        low <= read_low;
      end
      if (read && is_collected) early <= collected[read_low];
    end

    sf_memory #(
        .WORDS(ROWS),
        .LANES(1),
        .BITS (PACK * BITS)
    ) memory (
        .clk(clk),
        .write(write && int'(write_low) == PACK - 1),
        .write_lane(1'b0),
        .write_address(write_row),
        .write_data(whole),
        .read(read && !is_collected),
        .read_address(read_row),
        .read_data(row)
    );
    assign out_data = is_early ? early : words[low];
  end

  always_ff @(posedge clk) begin
    if (reset) begin
      write_address <= 0;
      read_address <= 0;
      count <= 0;
      out_valid <= 1'b0;
    end else begin
      if (write) write_address <= int'(write_address) == LAST ? 0 : write_address + 1'b1;
      if (read) read_address <= int'(read_address) == LAST ? 0 : read_address + 1'b1;
      if (write && !read) count <= count + 1'b1;
      if (read && !write) count <= count - 1'b1;
      out_valid <= read || (out_valid && !out_ready);
    end
  end
endmodule
`default_nettype wire
