// Where the next item of a part of the task image goes in a memory: COUNT words of the image from word FIRST.
//
// The load bus, which sf_task drives: {start, valid, index of the word, byte of the word, word}. Each word stays for
// four clocks with valid, one per byte.
// Items are bytes, or whole words with WHOLE. They come with the pass as the outermost of their numbers, then the MAC,
// the tap, the beat and the lane. One word of the memory has all lanes, taps and MACs of a beat and pass.
`default_nettype none
module sf_loader #(
    parameter int FIRST  = 0,
    parameter int WHOLE  = 0,
    parameter int LANES  = 1,
    parameter int BEATS  = 1,
    parameter int TAPS   = 1,
    parameter int MACS   = 1,
    parameter int PASSES = 1
) (
    input  wire                                                     clk,
    input  wire  [                                            55:0] load,
    output wire                                                          write,
    output wire  [(MACS*TAPS*LANES > 1 ? $clog2(MACS*TAPS*LANES) : 1)-1:0] write_lane,
    output wire  [      (BEATS*PASSES > 1 ? $clog2(BEATS*PASSES) : 1)-1:0] address
);
  localparam int ITEMS = LANES * BEATS * TAPS * MACS * PASSES;
  localparam int COUNT = WHOLE != 0 ? ITEMS : (ITEMS + 3) / 4;
  localparam int REST = ITEMS % 4 == 0 ? 4 : ITEMS % 4;  // bytes of the last word that are not padding

  wire start = load[55];
  wire valid = load[54];
  wire [19:0] index = load[53:34];
  wire [1:0] phase = load[33:32];
  wire here = valid && int'(index) >= FIRST && int'(index) < FIRST + COUNT;
  wire item = here && (WHOLE != 0 ? phase == 3 : int'(index) != FIRST + COUNT - 1 || int'(phase) < REST);

  logic [(LANES > 1 ? $clog2(LANES) : 1)-1:0] lane;
  logic [(BEATS > 1 ? $clog2(BEATS) : 1)-1:0] beat;
  logic [(TAPS > 1 ? $clog2(TAPS) : 1)-1:0] tap;
  logic [(MACS > 1 ? $clog2(MACS) : 1)-1:0] mac;
  logic [(PASSES > 1 ? $clog2(PASSES) : 1)-1:0] pass;
  wire last_lane = int'(lane) == LANES - 1;
  wire last_beat = last_lane && int'(beat) == BEATS - 1;
  wire last_tap = last_beat && int'(tap) == TAPS - 1;
  wire last_mac = last_tap && int'(mac) == MACS - 1;

  localparam int ADDRESS_BITS = BEATS * PASSES > 1 ? $clog2(BEATS * PASSES) : 1;
  assign address = ADDRESS_BITS'(int'(beat) * PASSES + int'(pass));

  localparam int LANE_BITS = MACS * TAPS * LANES > 1 ? $clog2(MACS * TAPS * LANES) : 1;
  assign write = item;
  assign write_lane = LANE_BITS'((int'(mac) * TAPS + int'(tap)) * LANES + int'(lane));

  always_ff @(posedge clk) begin
    if (start) begin
      lane <= 0;
      beat <= 0;
      tap  <= 0;
      mac  <= 0;
      pass <= 0;
    end else if (item) begin
      lane <= last_lane ? 0 : lane + 1'b1;
      if (last_lane) beat <= last_beat ? 0 : beat + 1'b1;
      if (last_beat) tap <= last_tap ? 0 : tap + 1'b1;
      if (last_tap) mac <= last_mac ? 0 : mac + 1'b1;
      if (last_mac) pass <= pass + 1'b1;
    end
  end
endmodule
`default_nettype wire
