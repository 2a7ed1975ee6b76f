// Several streams, beat by beat, as one: a beat leaves when each stream has one. Their data are only wired.
`default_nettype none
module sf_join #(
    parameter int WRITERS = 2
) (
    input  wire [WRITERS-1:0] in_valid,
    output wire [WRITERS-1:0] in_ready,
    output wire               out_valid,
    input  wire               out_ready
);
  assign out_valid = &in_valid;
  assign in_ready  = {WRITERS{out_valid && out_ready}};
endmodule
`default_nettype wire
