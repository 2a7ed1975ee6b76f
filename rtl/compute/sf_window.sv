// 3x3 window over a map that arrives in raster order, BEATS beats of LANES channels per pixel. For each pixel of the
// output, it gives BEATS * PARTS beats, each with the nine taps of LANES / PARTS channels. Tap 0 is above left, tap 1
// above. Padding has the code FILL. With CODE_BITS 7, all codes are 0..127, and memories hold 7 bits of each.
//
// Two rows hold what later rows need, side by side in one memory with stride 1, else in two memories. A row that
// completes windows (a bottom row) waits in a FIFO, is read together with the two rows above it, column by column, and
// then overwrites the upper one in place. Any other row is written at once, behind the columns that are still to be read.
// Columns that were read stay in a store of BEATS words, for the two columns to the right.
//
// The next frame's first row arrives while the last row of this frame, whose windows end on padding, is read. With a
// stride, that reading is slower than the arrival: the first row waits in the FIFO too, which is empty then. So frames
// follow each other without a pause.
//
// With stride 1, the last window of a row is completed with the first column of the next row, so that its column of
// padding takes no time.
`default_nettype none
module sf_window #(
    parameter int HEIGHT = 4,
    parameter int WIDTH = 4,
    parameter int BEATS = 1,
    parameter int LANES = 1,
    parameter int PARTS = 1,
    parameter int STRIDE_Y = 1,
    parameter int STRIDE_X = 1,
    parameter int TOP = 1,  // rows and columns of padding
    parameter int LEFT = 1,
    parameter int OUT_HEIGHT = 4,
    parameter int OUT_WIDTH = 4,
    parameter int FILL = 0,
    parameter int CODE_BITS = 8,
    parameter int DEPTH = 2,  // beats of a bottom or first row that can wait
    parameter int PACK = 1  // of them side by side in a memory (sf_fifo)
) (
    input  wire                       clk,
    input  wire                       reset,
    input  wire                       in_valid,
    output wire                       in_ready,
    input  wire [        8*LANES-1:0] in_data,
    output wire                       out_valid,
    input  wire                       out_ready,
    output wire [9*8*LANES/PARTS-1:0] out_data
);
  localparam int BITS = CODE_BITS * LANES;
  localparam int PART = BITS / PARTS;
  localparam bit REGISTERED = STRIDE_X > 1 || PARTS > 1;
  localparam int ROW = WIDTH * BEATS;
  localparam int ROW_BITS = ROW > 1 ? $clog2(ROW) : 1;
  localparam int BEAT_BITS = BEATS > 1 ? $clog2(BEATS) : 1;
  localparam int PART_BITS = PARTS > 1 ? $clog2(PARTS) : 1;
  localparam int FIRST_BOTTOM = 2 - TOP;
  localparam int LAST_BOTTOM = (OUT_HEIGHT - 1) * STRIDE_Y + FIRST_BOTTOM;  // HEIGHT, if it is padding
  localparam bit FLUSHES = LAST_BOTTOM >= HEIGHT;
  localparam bit FIRST_WAITS = FLUSHES && OUT_HEIGHT > 1;
  localparam bit ENDS_ON_PADDING = (OUT_WIDTH - 1) * STRIDE_X - LEFT + 2 >= WIDTH;
  localparam bit MERGES = ENDS_ON_PADDING && STRIDE_Y == 1;
  localparam int COUNT_BITS = $clog2((HEIGHT > WIDTH ? HEIGHT : WIDTH) + 4);
  typedef logic [COUNT_BITS-1:0] count_t;
  localparam logic [BITS-1:0] PADDING = {LANES{CODE_BITS'(FILL)}};
  localparam bit SIDE_BY_SIDE = STRIDE_Y == 1;  // two writes in one clock would be rare

  wire [BITS-1:0] in_codes;
  wire [9*PART-1:0] out_codes;
  for (genvar i = 0; i < LANES; i++) begin : g_in_codes
    assign in_codes[CODE_BITS*i+:CODE_BITS] = in_data[8*i+:CODE_BITS];
  end
  for (genvar i = 0; i < 9 * LANES / PARTS; i++) begin : g_out_codes
    assign out_data[8*i+:8] = 8'(out_codes[CODE_BITS*i+:CODE_BITS]);
  end

  // --- Rows that arrive. They are numbered across frames, modulo 16.
  count_t in_row;
  count_t to_bottom;  // rows until the next bottom row
  logic [ROW_BITS-1:0] in_index;
  logic [3:0] in_number;
  wire is_bottom = to_bottom == 0;
  wire waits = is_bottom || (FIRST_WAITS && in_row == 0);
  wire in_row_ends = int'(in_index) == ROW - 1;
  wire in_frame_ends = in_row_ends && int'(in_row) == HEIGHT - 1;

  // --- Rows that are read: their number is that of their bottom row.
  count_t row;  // HEIGHT for the row of padding below
  logic [3:0] number;
  logic [ROW_BITS-1:0] index;
  count_t column;  // WIDTH for the column of padding on the right
  logic [BEAT_BITS-1:0] beat;
  count_t to_emit;  // columns until the next one that completes a window
  logic started;  // a row of this frame has been read

  // --- A clock later, the column is there.
  logic valid, emits, of_bottom_1, below_1, above_1, between_1, left_1, right_1, slot_1;
  logic [ROW_BITS-1:0] index_1;
  logic [BITS-1:0] bottom_1;

  // What a row that is written at once replaces is read last with the row before it; or, if it is the first of a frame
  // that follows a frame with padding below, with that padding, which has the same number.
  wire [3:0] reads_left = number - (FLUSHES && in_row == 0 ? in_number : in_number - 1'b1);
  wire is_read = reads_left == 0 ? index > in_index || int'(column) == WIDTH : !reads_left[3];
  wire fill_first;
  wire will_write = valid && of_bottom_1;  // in place: a memory has one write at a time
  wire is_free = is_read && !(will_write && (SIDE_BY_SIDE || slot_1 == in_number[0])) && !(SIDE_BY_SIDE && fill_first);

  wire waiting_ready;
  wire waiting_valid;
  wire [BITS-1:0] waiting;
  assign in_ready = waits ? waiting_ready : is_free;
  wire fill = in_valid && in_ready && !waits;

  always_ff @(posedge clk) begin
    if (reset) begin
      in_row <= 0;
      in_index <= 0;
      in_number <= 0;
      to_bottom <= count_t'(FIRST_BOTTOM);
    end else if (in_valid && in_ready) begin
      in_index <= in_row_ends ? 0 : in_index + 1'b1;
      if (in_row_ends) begin
        in_row <= in_frame_ends ? 0 : in_row + 1'b1;
        in_number <= in_number + 1'b1;
        to_bottom <= in_frame_ends ? count_t'(FIRST_BOTTOM) : is_bottom ? count_t'(STRIDE_Y - 1) : to_bottom - 1'b1;
      end
    end
  end

  wire take;
  sf_fifo #(
      .BITS (BITS),
      .DEPTH(DEPTH),
      .PACK (PACK)
  ) queue (
      .clk(clk),
      .reset(reset),
      .in_valid(in_valid && waits),
      .in_ready(waiting_ready),
      .in_data(in_codes),
      .out_valid(waiting_valid),
      .out_ready(take || fill_first),
      .out_data(waiting)
  );

  // --- One step reads one beat of a column. A step on the right padding reads nothing.
  wire on_padding = int'(column) == WIDTH;
  wire below = int'(row) == HEIGHT;
  wire [3:0] rows_ahead = in_number - number;
  wire has_arrived = rows_ahead < 8;  // the whole frame: not negative
  wire first_is_next;  // in the FIFO
  wire can_step = on_padding || (below ? has_arrived : waiting_valid && !first_is_next);
  wire advance;
  wire step = can_step && advance;
  assign take = step && !on_padding && !below;

  wire pixel_ends = int'(beat) == BEATS - 1;
  wire row_ends = pixel_ends && int'(column) == WIDTH - 1;
  wire is_last_row = int'(row) == LAST_BOTTOM;
  wire pads = ENDS_ON_PADDING && (!MERGES || is_last_row);  // a column of its own follows the row's last one
  wire done = pads ? pixel_ends && on_padding : row_ends;
  wire completes = on_padding || to_emit == 0 || (MERGES && column == 0 && started);
  wire of_row_before = MERGES && column == 0;

  // A first row that waits is written behind the columns that are read with the padding below the frame before it.
  logic [ROW_BITS-1:0] first_index;
  wire first_slot = number[0] ^ (!below && FIRST_BOTTOM % 2 == 1);
  if (FIRST_WAITS) begin : g_first
    logic is_next;
    wire is_over = below ? index > first_index || on_padding : !on_padding;
    wire ends = fill_first && int'(first_index) == ROW - 1;
    assign first_is_next = is_next;
    assign fill_first = waiting_valid && is_next && is_over && !(will_write && (SIDE_BY_SIDE || slot_1 == first_slot));
    always_ff @(posedge clk) begin
      if (reset) begin
        is_next <= 1'b1;
        first_index <= 0;
      end else begin
        if (fill_first) first_index <= ends ? 0 : first_index + 1'b1;
        if (ends) is_next <= 1'b0;
        else if (take && row_ends && int'(row) == LAST_BOTTOM - STRIDE_Y) is_next <= 1'b1;
      end
    end
  end else begin : g_no_first
    assign first_is_next = 1'b0;
    assign fill_first = 1'b0;
    assign first_index = 0;
  end

  always_ff @(posedge clk) begin
    if (reset) begin
      row <= count_t'(FIRST_BOTTOM);
      number <= 4'(FIRST_BOTTOM);
      index <= 0;
      column <= 0;
      beat <= 0;
      to_emit <= count_t'(2 - LEFT);
      started <= 1'b0;
    end else if (step) begin
      beat <= pixel_ends ? 0 : beat + 1'b1;
      if (!on_padding) index <= int'(index) == ROW - 1 ? 0 : index + 1'b1;
      if (pixel_ends) begin
        column  <= done ? 0 : column + 1'b1;
        to_emit <= done ? count_t'(2 - LEFT) : to_emit == 0 ? count_t'(STRIDE_X - 1) : to_emit - 1'b1;
      end
      if (done) begin
        row <= is_last_row ? count_t'(FIRST_BOTTOM) : row + count_t'(STRIDE_Y);
        number <= number + (is_last_row ? 4'(HEIGHT - LAST_BOTTOM + FIRST_BOTTOM) : 4'(STRIDE_Y));
        started <= !is_last_row;
      end
    end
  end

  always_ff @(posedge clk) begin
    if (reset) begin
      valid <= 1'b0;
    end else if (advance) begin
      valid <= can_step;
      emits <= completes;
      of_bottom_1 <= take;
      below_1 <= below;
      above_1 <= row < 2;  // the upper row is padding
      between_1 <= row < 1;
      right_1 <= on_padding || of_row_before;
      left_1 <= of_row_before ? WIDTH < 2 : column < 2;  // the left column is padding
      index_1 <= index;
      slot_1 <= number[0];
      bottom_1 <= waiting;
    end
  end

  wire in_place = will_write && advance;
  wire [2*BITS-1:0] slots;
  if (SIDE_BY_SIDE) begin : g_row_memory
    sf_memory #(
        .WORDS(ROW),
        .LANES(2),
        .BITS (BITS)
    ) rows (
        .clk(clk),
        .write(in_place || fill_first || fill),
        .write_lane(in_place ? slot_1 : fill_first ? first_slot : in_number[0]),
        .write_address(in_place ? index_1 : fill_first ? first_index : in_index),
        .write_data(in_place ? bottom_1 : fill_first ? waiting : in_codes),
        .read(step && !on_padding),
        .read_address(index),
        .read_data(slots)
    );
  end else begin : g_row_memories
    for (genvar i = 0; i < 2; i++) begin : g_rows
      wire of_bottom = in_place && int'(slot_1) == i;
      wire of_first = fill_first && int'(first_slot) == i;
      sf_memory #(
          .WORDS(ROW),
          .LANES(1),
          .BITS (BITS)
      ) rows (
          .clk(clk),
          .write(of_bottom || of_first || (fill && int'(in_number[0]) == i)),
          .write_lane(1'b0),
          .write_address(of_bottom ? index_1 : of_first ? first_index : in_index),
          .write_data(of_bottom ? bottom_1 : of_first ? waiting : in_codes),
          .read(step && !on_padding),
          .read_address(index),
          .read_data(slots[BITS*i+:BITS])
      );
    end
  end

  wire [BITS-1:0] own_slot = slot_1 ? slots[2*BITS-1:BITS] : slots[BITS-1:0];
  wire [BITS-1:0] other_slot = slot_1 ? slots[BITS-1:0] : slots[2*BITS-1:BITS];
  wire [BITS-1:0] upper = above_1 ? PADDING : own_slot;
  wire [BITS-1:0] middle = between_1 ? PADDING : other_slot;
  wire [BITS-1:0] lower = below_1 ? PADDING : bottom_1;
  wire [3*BITS-1:0] newest = {lower, middle, upper};
  wire [6*BITS-1:0] older;  // the column before it, and the one before that
  wire move = valid && advance;

  if (BEATS == 1) begin : g_columns
    logic [6*BITS-1:0] columns;
    assign older = columns;
    always_ff @(posedge clk) if (move) columns <= {newest, columns[6*BITS-1:3*BITS]};
  end else begin : g_column_store
    logic [BEAT_BITS-1:0] beat_1;
    always_ff @(posedge clk) if (advance) beat_1 <= beat;
    sf_memory #(
        .WORDS(BEATS),
        .LANES(1),
        .BITS (6 * BITS)
    ) columns (
        .clk(clk),
        .write(move),
        .write_lane(1'b0),
        .write_address(beat_1),
        .write_data({newest, older[6*BITS-1:3*BITS]}),
        .read(step),
        .read_address(beat),
        .read_data(older)
    );
  end

  wire [3*BITS-1:0] left = left_1 ? {3{PADDING}} : older[3*BITS-1:0];
  wire [3*BITS-1:0] center = older[6*BITS-1:3*BITS];
  wire [3*BITS-1:0] right = right_1 ? {3{PADDING}} : newest;
  wire [9*BITS-1:0] taps;
  for (genvar y = 0; y < 3; y++) begin : g_taps
    assign taps[(3*y)*BITS+:BITS] = left[y*BITS+:BITS];
    assign taps[(3*y+1)*BITS+:BITS] = center[y*BITS+:BITS];
    assign taps[(3*y+2)*BITS+:BITS] = right[y*BITS+:BITS];
  end

  if (REGISTERED) begin : g_parts
    // While the parts of a beat leave, the columns that complete no window are read.
    logic full;
    logic [PART_BITS-1:0] part;
    wire last_part = int'(part) == PARTS - 1;
    wire leaves = full && out_ready && last_part;
    wire enters = valid && emits && advance;
    assign out_valid = full;
    assign advance   = !(valid && emits) || !full || leaves;
    always_ff @(posedge clk) begin
      if (reset) begin
        full <= 1'b0;
        part <= 0;
      end else begin
        full <= enters || (full && !leaves);
        if (full && out_ready) part <= last_part ? 0 : part + 1'b1;
      end
    end
    for (genvar t = 0; t < 9; t++) begin : g_tap
      logic [BITS-1:0] kept;
      assign out_codes[t*PART+:PART] = kept[PART-1:0];
      always_ff @(posedge clk) begin
        if (enters) kept <= taps[t*BITS+:BITS];
        else if (full && out_ready) kept <= kept >> PART;
      end
    end
  end else begin : g_whole
    assign out_valid = valid && emits;
    assign out_codes = taps;
    assign advance   = !out_valid || out_ready;
  end
endmodule
`default_nettype wire
