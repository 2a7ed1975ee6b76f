// A datapath behind a stream of bytes.
//   "T", then a task image: its bytes, and zeros up to the size of the largest one. The answer is one byte when it is loaded or refused: a number of sf_status.
//   "I", then a frame: its codes in raster order. Its outputs come back as they are made, a code per byte; if there are
//   several outputs, each code comes after the number of its output.
// Other bytes between these are ignored.
`default_nettype none
module sf_bytes #(
    parameter int WORDS = 20,  // of the largest task image
    parameter int FRAME = 4,  // bytes of a frame
    parameter int OUTPUTS = 1
) (
    input  wire                  clk,
    input  wire                  reset,
    input  wire                  in_valid,
    output wire                  in_ready,
    input  wire  [          7:0] in_data,
    output wire                  out_valid,
    input  wire                  out_ready,
    output wire  [          7:0] out_data,
    output logic                 task_begins,
    output wire                  task_valid,
    input  wire                  task_ready,
    output logic [         31:0] task_data,
    input  wire  [          3:0] task_status,
    output wire                  image_valid,
    input  wire                  image_ready,
    output wire  [          7:0] image_data,
    input  wire  [  OUTPUTS-1:0] output_valid,
    output wire  [  OUTPUTS-1:0] output_ready,
    input  wire  [8*OUTPUTS-1:0] output_data
);
  localparam logic [3:0] LOADING = 15;
  localparam int MOST = 4 * WORDS > FRAME ? 4 * WORDS : FRAME;
  typedef logic [$clog2(MOST+1)-1:0] count_t;

  // --- What arrives
  logic of_task;
  count_t left;  // bytes
  wire between = left == 0;
  wire of_image = !between && !of_task;
  logic asked, holds, answers;  // the loading has not begun yet; a word waits to be taken; the status is to be sent
  wire refused = !asked && task_status != LOADING;
  logic numbered;  // the number of an output was sent, and its code is next
  wire ends = answers && between && !holds && refused && !numbered;  // loaded or refused

  assign in_ready = of_image ? image_ready : !holds && !(between && answers);
  assign image_valid = in_valid && of_image;
  assign image_data = in_data;
  assign task_valid = holds;

  always_ff @(posedge clk) begin
    task_begins <= 1'b0;
    if (reset) begin
      left <= 0;
      asked <= 1'b0;
      holds <= 1'b0;
      answers <= 1'b0;
    end else begin
      if (task_status == LOADING) asked <= 1'b0;
      if (holds && (task_ready || refused)) holds <= 1'b0;
      if (in_valid && in_ready) begin
        if (!between) begin
          left <= left - 1'b1;
          if (of_task) task_data <= {in_data, task_data[31:8]};
          if (of_task && left[1:0] == 1) holds <= 1'b1;
        end else if (in_data == "T") begin
          of_task <= 1'b1;
          left <= count_t'(4 * WORDS);
          task_begins <= 1'b1;
          asked <= 1'b1;
          answers <= 1'b1;
        end else if (in_data == "I") begin
          of_task <= 1'b0;
          left <= count_t'(FRAME);
        end
      end
      if (ends && out_ready) answers <= 1'b0;
    end
  end

  // --- What leaves: an answer, else an output's code, the first output first
  localparam int NUMBER_BITS = OUTPUTS > 1 ? $clog2(OUTPUTS) : 1;
  logic [NUMBER_BITS-1:0] first, chosen;
  always_comb begin
    first = 0;
    for (int i = OUTPUTS - 1; i >= 0; i--) if (output_valid[i]) first = NUMBER_BITS'(i);
  end
  wire [7:0] codes[OUTPUTS];
  for (genvar i = 0; i < OUTPUTS; i++) begin : g_outputs
    assign codes[i] = output_data[8*i+:8];
    assign output_ready[i] = !ends && out_ready && int'(chosen_now) == i && sends_code;
  end
  wire sends_code = OUTPUTS == 1 || numbered;
  wire [NUMBER_BITS-1:0] chosen_now = OUTPUTS == 1 ? 0 : chosen;
  assign out_valid = ends || (sends_code ? output_valid[chosen_now] : output_valid != 0);
  assign out_data  = ends ? {4'd0, task_status} : sends_code ? codes[chosen_now] : 8'(first);

  always_ff @(posedge clk) begin
    if (reset) begin
      numbered <= 1'b0;
    end else if (out_valid && out_ready && !ends) begin
      numbered <= OUTPUTS > 1 && !numbered;
      chosen   <= first;
    end
  end
endmodule
`default_nettype wire
