// A switch of a task (section 3.3): a stream passes if `on`, else it is taken and dropped. The data are only wired.
`default_nettype none
module sf_gate (
    input  wire on,
    input  wire in_valid,
    output wire in_ready,
    output wire out_valid,
    input  wire out_ready
);
  assign out_valid = in_valid && on;
  assign in_ready  = out_ready || !on;
endmodule
`default_nettype wire
