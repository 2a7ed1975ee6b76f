// The one of several streams that has beats: gates (sf_gate) drop the others, as the task says.
`default_nettype none
module sf_choose #(
    parameter int BITS = 8,
    parameter int WRITERS = 2
) (
    input  wire  [     WRITERS-1:0] in_valid,
    output wire  [     WRITERS-1:0] in_ready,
    input  wire  [BITS*WRITERS-1:0] in_data,
    output wire                     out_valid,
    input  wire                     out_ready,
    output logic [        BITS-1:0] out_data
);
  assign out_valid = |in_valid;
  assign in_ready  = {WRITERS{out_ready}};
  always_comb begin
    out_data = 0;
    for (int i = 0; i < WRITERS; i++) begin
      if (in_valid[i]) out_data = out_data | in_data[BITS*i+:BITS];
    end
  end
endmodule
`default_nettype wire
