// One stream to several readers. Each takes a beat when it can; the beat leaves when all have taken it.
`default_nettype none
module sf_fork #(
    parameter int READERS = 2
) (
    input  wire               clk,
    input  wire               reset,
    input  wire               in_valid,
    output wire               in_ready,
    output wire [READERS-1:0] out_valid,
    input  wire [READERS-1:0] out_ready
);
  logic [READERS-1:0] taken;

  assign out_valid = {READERS{in_valid}} & ~taken;
  assign in_ready  = &(taken | out_ready);

  always_ff @(posedge clk) begin
    if (reset) taken <= 0;
    else if (in_valid) taken <= in_ready ? 0 : taken | out_ready;
  end
endmodule
`default_nettype wire
