// Memory with one write port and one read port: read_data follows read_address by a clock, and stays without `read`. One
// lane of a word is written at a time. Swap this module for a macro. Both ports never have one address at once.
`default_nettype none
module sf_memory #(
    parameter int WORDS = 2,
    parameter int LANES = 1,
    parameter int BITS  = 8
) (
    input  wire                                       clk,
    input  wire                                       write,
    input  wire  [(LANES > 1 ? $clog2(LANES) : 1)-1:0] write_lane,
    input  wire  [(WORDS > 1 ? $clog2(WORDS) : 1)-1:0] write_address,
    input  wire  [                           BITS-1:0] write_data,
    input  wire                                       read,
    input  wire  [(WORDS > 1 ? $clog2(WORDS) : 1)-1:0] read_address,
    output logic [                     LANES*BITS-1:0] read_data
);
  logic [LANES*BITS-1:0] words[WORDS];

  always_ff @(posedge clk) begin
    // A part select that varies would become a shifter.
    if (write)
      for (int l = 0; l < LANES; l++) if (int'(write_lane) == l) words[write_address][l*BITS+:BITS] <= write_data;
    if (read) read_data <= words[read_address];
  end
endmodule
`default_nettype wire
