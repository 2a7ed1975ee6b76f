// Registers on an APB: a processor writes a task image word by word, and reads what the chip is. Accesses never wait: a
// word that cannot be taken yet is answered with an error and forgotten, and STATUS says when the next one can.
//   0x00 ID        "SFHW"
//   0x04 VERSION   of this map, 1
//   0x08 STATUS    bits 3..0: as sf_status, 15 while loading; bit 8: a word can be written
//   0x0c BEGIN     a write begins a task image
//   0x10 WORD      writes: its words, one after the other
//   0x14 WORDS     how many the largest task image has
//   0x20 CORE      SHA-256 of the frozen codes, its first byte lowest, to 0x3c
//   0x40 DATAPATH  SHA-256 of the datapath, to 0x5c
`default_nettype none
module sf_registers #(
    parameter int WORDS = 20,
    parameter logic [255:0] CORE = 0,
    parameter logic [255:0] DATAPATH = 0
) (
    input  wire         clk,
    input  wire         reset,
    input  wire         psel,
    input  wire         penable,
    input  wire         pwrite,
    input  wire  [11:0] paddr,        // in bytes, a multiple of 4
    input  wire  [31:0] pwdata,
    output logic [31:0] prdata,
    output wire         pready,
    output wire         pslverr,
    output wire         task_begins,
    output wire         task_valid,
    input  wire         task_ready,
    output logic [31:0] task_data,
    input  wire  [ 3:0] task_status
);
  localparam logic [9:0] ID = 0, VERSION = 1, STATUS = 2, BEGIN = 3, WORD = 4, SIZE = 5;
  localparam logic [6:0] CORE_WORDS = 1, DATAPATH_WORDS = 2;  // of eight words each

  wire [9:0] register = paddr[11:2];
  wire writes = psel && penable && pwrite && paddr[1:0] == 0;
  logic begun, asked, holds;  // words are wanted; its loading has not begun yet; a word waits to be taken
  wire is_ready = begun && !holds;
  wire is_known = paddr[1:0] == 0 && (register <= SIZE || register[9:3] == CORE_WORDS || register[9:3] == DATAPATH_WORDS);
  wire is_written = is_known && (register == BEGIN || (register == WORD && is_ready));

  assign pready = 1'b1;
  assign pslverr = psel && penable && (pwrite ? !is_written : !is_known);
  assign task_begins = writes && register == BEGIN;
  assign task_valid = holds;

  always_comb begin
    prdata = 0;
    if (register == ID) prdata = 32'h57484653;
    if (register == VERSION) prdata = 1;
    if (register == STATUS) prdata = {23'd0, is_ready, 4'd0, asked ? 4'd15 : task_status};
    if (register == SIZE) prdata = 32'(WORDS);
    if (register[9:3] == CORE_WORDS) prdata = CORE[32*register[2:0]+:32];
    if (register[9:3] == DATAPATH_WORDS) prdata = DATAPATH[32*register[2:0]+:32];
  end

  always_ff @(posedge clk) begin
    if (reset) begin
      begun <= 1'b0;
      asked <= 1'b0;
      holds <= 1'b0;
    end else if (task_begins) begin
      begun <= 1'b1;
      asked <= 1'b1;
      holds <= 1'b0;
    end else begin
      if (task_status == 15) asked <= 1'b0;
      if (holds && task_ready) holds <= 1'b0;
      if (writes && register == WORD && is_ready) begin
        holds <= 1'b1;
        task_data <= pwdata;
      end
      if (begun && !asked && task_status != 15) begin  // loaded or refused: further words are errors
        begun <= 1'b0;
        holds <= 1'b0;
      end
    end
  end
endmodule
`default_nettype wire
