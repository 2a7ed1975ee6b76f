// Task registers: takes a task image word by word, checks it as micro/stream/sf_task.c does, and hands its words to the
// memories on the load bus. Until a whole image has passed its checks, `loaded` is 0 and the datapath takes no image.
// The bus: {start, valid, index of the word, byte of the word, word}; each word stays for four clocks, one per byte.
`default_nettype none
module sf_task #(
    parameter int SIZES = 1,  // of images: one for each position of the first switch, if they differ
    parameter logic [32*SIZES-1:0] WORDS = 20,  // of the whole image, in each of them
    parameter int SWITCHES = 0,
    parameter logic [64*(SWITCHES > 0 ? SWITCHES : 1)-1:0] POSITIONS = 0,  // of each switch: the first, then the last
    parameter int CHECKS = 0,
    parameter logic [44*(CHECKS > 0 ? CHECKS : 1)-1:0] RANGES = 0,  // {kind, last word, first word}, in their order
    parameter logic [255:0] CORE = 0,  // digests, their first byte lowest
    parameter logic [255:0] DATAPATH = 0
) (
    input  wire                                                clk,
    input  wire                                                reset,
    input  wire                                                begins,    // a new image follows
    input  wire                                                in_valid,
    output wire                                                in_ready,
    input  wire  [                                       31:0] in_data,
    output wire  [                                       55:0] load,
    output logic [(SWITCHES > 0 ? 32*SWITCHES : 1)-1:0]        switches,
    output logic                                               loaded,
    output logic [                                        3:0] status
);
  // Numbers of sf_status (micro/stream/sf_stream.h); 15: an image is on its way
  localparam logic [3:0] OK = 0, NO_TASK = 2, NOT_A_TASK = 7, OTHER_VERSION = 8, OTHER_SIZE = 9, DAMAGED = 10;
  localparam logic [3:0] OTHER_CORE = 11, OTHER_DATAPATH = 12, BAD_FACTOR = 13, BAD_SWITCH = 14, LOADING = 15;
  localparam int HEADER = 20, CHECKED = 4;
  localparam logic [3:0] FACTOR = 1, UNIT = 2, SHIFT = 3, ON = 4;  // kinds of words that are checked

  logic [19:0] index;
  logic [ 1:0] phase;
  logic [31:0] word, expected, crc;
  logic holds;  // a word is on the bus
  wire  take = in_valid && in_ready;
  logic [19:0] words;  // of this image
  wire  [19:0] whole = SIZES > 1 ? words : WORDS[19:0];
  wire  last = index == whole - 1'b1;

  assign in_ready = status == LOADING && !holds && !begins;
  assign load = {begins, holds && int'(index) >= HEADER, index, phase, word};

  logic [31:0] next_crc;  // with the word
  always_comb begin
    next_crc = crc ^ word;
    for (int i = 0; i < 32; i++) next_crc = next_crc % 2 != 0 ? (next_crc >> 1) ^ 32'hedb88320 : next_crc >> 1;
  end

  wire [2:0] digest_word = index[2:0] - 3'd4;  // of the word 4 to 11, or 12 to 19
  wire [31:0] core_word = CORE[32*digest_word+:32];
  wire [31:0] datapath_word = DATAPATH[32*digest_word+:32];
  // The word is the bytes of an image; or the position of the first switch that an image of so many words has
  wire [SIZES-1:0] is_a_size, is_its_position;
  for (genvar i = 0; i < SIZES; i++) begin : g_sizes
    assign is_a_size[i] = word == WORDS[32*i+:32] << 2;
    assign is_its_position[i] = word == POSITIONS[31:0] + i && whole == WORDS[32*i+:20];
  end
  // The word is the position of a switch, and one that the switch has
  wire [(SWITCHES > 0 ? SWITCHES : 1)-1:0] is_a_switch, is_a_position;
  for (genvar i = 0; i < (SWITCHES > 0 ? SWITCHES : 1); i++) begin : g_positions
    assign is_a_switch[i] = i < SWITCHES && int'(index) == HEADER + i;
    localparam logic [31:0] FIRST = POSITIONS[64*i+:32];
    assign is_a_position[i] = word - FIRST <= POSITIONS[64*i+32+:32] - FIRST;
  end

  // The range of words that is next to be checked, or being checked
  logic [(CHECKS > 0 ? $clog2(CHECKS + 1) : 1)-1:0] check;
  wire [43:0] checked = int'(check) < CHECKS ? RANGES[44*check+:44] : 0;
  wire [3:0] kind = checked[43:40];
  wire in_range = kind != 0 && index >= checked[19:0] && index <= checked[39:20];
  wire is_factor = !word[31] && word[6:0] <= 64 && word[6:0] >= 33;
  wire is_shift = word == 0 || (word[31:5] == '1 && word[4:0] != 0);  // -31 to 0
  wire bad_factor =
      kind == FACTOR && !is_factor || kind == UNIT && word != 32'h40000000 || kind == SHIFT && !is_shift;

  logic [3:0] refusal;  // of the word
  always_comb begin
    refusal = OK;
    if (index == 0 && word != 32'h49544653) refusal = NOT_A_TASK;
    if (index == 1 && word != 1) refusal = OTHER_VERSION;
    if (index == 2 && is_a_size == 0) refusal = OTHER_SIZE;
    if (int'(index) >= 4 && int'(index) < 12 && word != core_word) refusal = OTHER_CORE;
    if (int'(index) >= 12 && int'(index) < 20 && word != datapath_word) refusal = OTHER_DATAPATH;
    if (in_range && bad_factor) refusal = BAD_FACTOR;
    if (in_range && kind == ON && word > 1) refusal = BAD_SWITCH;
    if (is_a_switch[0] && SIZES > 1 && is_its_position == 0) refusal = OTHER_SIZE;
    if ((is_a_switch & ~is_a_position) != 0) refusal = BAD_SWITCH;
  end

  always_ff @(posedge clk) begin
    if (reset) begin
      loaded <= 1'b0;
      holds  <= 1'b0;
      status <= NO_TASK;
    end else if (begins) begin
      loaded <= 1'b0;
      holds <= 1'b0;
      status <= LOADING;
      index <= 0;
      check <= 0;
      phase <= 0;
      crc <= 32'hffffffff;
    end else if (take) begin
      holds <= 1'b1;
      word  <= in_data;
    end else if (holds) begin
      phase <= phase + 1'b1;
      if (phase == 3) begin
        holds <= 1'b0;
        index <= index + 1'b1;
        if (refusal != OK) begin
          status <= refusal;
        end else if (last) begin
          loaded <= ~next_crc == expected;
          status <= ~next_crc == expected ? OK : DAMAGED;
        end
        if (int'(index) >= CHECKED) crc <= next_crc;
        if (in_range && index == checked[39:20]) check <= check + 1'b1;
        if (index == 2) words <= word[21:2];
        if (index == 3) expected <= word;
      end
    end
  end

  for (genvar i = 0; i < SWITCHES; i++) begin : g_switches
    always_ff @(posedge clk) if (holds && int'(index) == HEADER + i) switches[32*i+:32] <= word;
  end
  if (SWITCHES == 0) begin : g_none
    assign switches = 0;
  end
endmodule
`default_nettype wire
