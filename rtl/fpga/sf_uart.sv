// Serial port of 8 bits, no parity, one stop bit, at a bit per CLOCKS clocks. What arrives cannot be held back: `received`
// is 1 for one clock per byte. `idle_low` is 1 while the line is low for longer than a byte: a break.
//
// in_valid  /--\______________________    CLOCKS 1, byte 0x05
// out_line  -----\__/--\__/--\_________/--
//                 start 1  0  1  0...   stop
`default_nettype none
module sf_uart #(
    parameter int CLOCKS = 25  // at least 4
) (
    input  wire        clk,
    input  wire        reset,
    input  wire        in_line,
    output logic       received,
    output logic [7:0] received_data,
    output wire        idle_low,
    output wire        out_line,
    input  wire        in_valid,
    output wire        in_ready,
    input  wire  [7:0] in_data
);
  localparam int COUNT_BITS = $clog2(CLOCKS + 1);
  localparam int BREAK_BITS = 12;
  typedef logic [COUNT_BITS-1:0] count_t;

  // --- Bits that arrive are sampled in their middle.
  logic [1:0] line;  // in step with the clock
  logic [3:0] bits;  // still to come, with the start and the stop bit; 0: none is on its way
  count_t wait_in;
  logic [7:0] shifted;
  logic [$clog2(BREAK_BITS*CLOCKS+1)-1:0] low;
  assign idle_low = int'(low) == BREAK_BITS * CLOCKS;

  always_ff @(posedge clk) begin
    line <= {line[0], in_line};
    if (line[1]) low <= 0;
    else if (!idle_low) low <= low + 1'b1;
    received <= 1'b0;
    if (reset) begin
      bits <= 0;
    end else if (bits == 0) begin
      wait_in <= count_t'(CLOCKS / 2 - 1);
      if (!line[1] && low == 0) bits <= 10;
    end else if (wait_in != 0) begin
      wait_in <= wait_in - 1'b1;
    end else begin
      wait_in <= count_t'(CLOCKS - 1);
      bits <= bits == 10 && line[1] ? 0 : bits - 1'b1;  // a start bit that is gone was noise
      if (bits != 1) shifted <= {line[1], shifted[7:1]};
      received <= bits == 1 && line[1];
      if (bits == 1) received_data <= shifted;
    end
  end

  // --- Bits that leave, the start bit first
  logic [9:0] leaving;
  logic [3:0] left;
  count_t wait_out;
  assign in_ready = left == 0;
  assign out_line = left == 0 || leaving[0];

  always_ff @(posedge clk) begin
    if (reset) begin
      left <= 0;
    end else if (in_valid && in_ready) begin
      leaving <= {1'b1, in_data, 1'b0};
      left <= 10;
      wait_out <= count_t'(CLOCKS - 1);
    end else if (wait_out != 0) begin
      wait_out <= wait_out - 1'b1;
    end else if (left != 0) begin
      leaving <= leaving >> 1;
      left <= left - 1'b1;
      wait_out <= count_t'(CLOCKS - 1);
    end
  end
endmodule
`default_nettype wire
