// First in, first out. It holds DEPTH words, and one more at its output; a word takes 2 clocks to pass.
//
// clk       0  1  2  3  4
// in_valid  _/--\________
// out_valid _______/--\__
`default_nettype none
module sf_fifo #(
    parameter int BITS  = 8,
    parameter int DEPTH = 2
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
