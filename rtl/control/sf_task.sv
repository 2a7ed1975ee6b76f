// Task registers: takes a task image word by word, checks it as micro/stream/sf_task.c does, and hands its words to the
// memories on the load bus. Until a whole image has passed its checks, `loaded` is 0 and the datapath takes no image.
// The bus: {start, valid, index of the word, byte of the word, word}; each word stays for four clocks, one per byte.
`default_nettype none
module sf_task #(
    parameter int WORDS = 20,  // of the whole image
    parameter int SWITCHES = 0,
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
  localparam logic [3:0] OK = 0, NO_TASK = 2, NOT_A_TASK = 5, OTHER_VERSION = 6, OTHER_SIZE = 7, DAMAGED = 8;
  localparam logic [3:0] OTHER_CORE = 9, OTHER_DATAPATH = 10, LOADING = 15;
  localparam int HEADER = 20, CHECKED = 4;

  logic [19:0] index;
  logic [ 1:0] phase;
  logic [31:0] word, expected, crc;
  logic holds;  // a word is on the bus
  wire  take = in_valid && in_ready;
  wire  last = int'(index) == WORDS - 1;

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
  logic [3:0] refusal;  // of the header's word
  always_comb begin
    refusal = OK;
    if (index == 0 && word != 32'h49544653) refusal = NOT_A_TASK;
    if (index == 1 && word != 1) refusal = OTHER_VERSION;
    if (index == 2 && word != 32'(4 * WORDS)) refusal = OTHER_SIZE;
    if (int'(index) >= 4 && int'(index) < 12 && word != core_word) refusal = OTHER_CORE;
    if (int'(index) >= 12 && int'(index) < 20 && word != datapath_word) refusal = OTHER_DATAPATH;
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
