// Swaps tasks between frames. The next task image may be asked for at any time: it begins when the frame that is
// entering is whole, and all frames have left. Until then no other frame enters.
//
// A frame has left when each watched stream has moved all its beats. Those without `counts` have none with this task.
//
// clk         0  1  2  3  4  5  6
// asked       /--\__________________
// image_moves /-----\_______________   the last two beats of a frame
// moves       ___________/--\_______   the last beat of its output
// begins      ______________/--\____
`default_nettype none
module sf_swap #(
    parameter int IMAGE_BEATS = 4,
    parameter int STREAMS = 1,
    parameter logic [32*STREAMS-1:0] BEATS = 1  // per frame, 32 bits for each stream
) (
    input  wire               clk,
    input  wire               reset,
    input  wire               asked,
    output wire               begins,
    output wire               open,         // the image may enter
    input  wire               image_moves,
    input  wire [STREAMS-1:0] counts,
    input  wire [STREAMS-1:0] moves
);
  logic waits;
  logic [$clog2(IMAGE_BEATS+1)-1:0] beat;
  wire between = beat == 0;
  wire enters = image_moves && between;
  wire [STREAMS-1:0] occupied;

  assign open   = !(waits && between);
  assign begins = waits && between && occupied == 0;

  always_ff @(posedge clk) begin
    if (reset) begin
      waits <= 1'b0;
      beat  <= 0;
    end else begin
      waits <= asked || (waits && !begins);
      if (image_moves) beat <= int'(beat) == IMAGE_BEATS - 1 ? 0 : beat + 1'b1;
    end
  end

  for (genvar i = 0; i < STREAMS; i++) begin : g_streams
    localparam int COUNT = int'(BEATS[32*i+:32]);
    logic [$clog2(COUNT+1)-1:0] left;  // beats of the frame that is leaving
    logic [3:0] frames;
    wire leaves = moves[i] && int'(left) == COUNT - 1;
    assign occupied[i] = counts[i] && frames != 0;
    always_ff @(posedge clk) begin
      if (reset || begins) begin
        left   <= 0;
        frames <= 0;
      end else begin
        if (moves[i]) left <= leaves ? 0 : left + 1'b1;
        if (enters && !leaves) frames <= frames + 1'b1;
        if (leaves && !enters) frames <= frames - 1'b1;
      end
    end
  end
endmodule
`default_nettype wire
