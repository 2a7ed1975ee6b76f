// Models of the cells of ECP5 that yosys has no model of, as far as its netlists use them: memories without registers at
// their outputs, and multipliers without any.
`define PINS18(P) {P``17, P``16, P``15, P``14, P``13, P``12, P``11, P``10, P``9, P``8, P``7, P``6, P``5, P``4, P``3, P``2, P``1, P``0}
`define PINS14(P) {P``13, P``12, P``11, P``10, P``9, P``8, P``7, P``6, P``5, P``4, P``3, P``2, P``1, P``0}

module DP16KD (
    input DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0,
    input ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
    input CEA, OCEA, CLKA, WEA, RSTA, CSA2, CSA1, CSA0,
    output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1, DOA0,
    input DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0,
    input ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
    input CEB, OCEB, CLKB, WEB, RSTB, CSB2, CSB1, CSB0,
    output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1, DOB0
);
  parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18;
  parameter REGMODE_A = "NOREG", REGMODE_B = "NOREG", RESETMODE = "SYNC", ASYNC_RESET_RELEASE = "SYNC";
  parameter CSDECODE_A = "0b000", CSDECODE_B = "0b000", WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL";
  parameter CLKAMUX = "CLKA", CLKBMUX = "CLKB", GSR = "AUTO";
  parameter [319:0] INITVAL_00 = 0, INITVAL_01 = 0, INITVAL_02 = 0, INITVAL_03 = 0, INITVAL_04 = 0, INITVAL_05 = 0,
      INITVAL_06 = 0, INITVAL_07 = 0, INITVAL_08 = 0, INITVAL_09 = 0, INITVAL_0A = 0, INITVAL_0B = 0, INITVAL_0C = 0,
      INITVAL_0D = 0, INITVAL_0E = 0, INITVAL_0F = 0, INITVAL_10 = 0, INITVAL_11 = 0, INITVAL_12 = 0, INITVAL_13 = 0,
      INITVAL_14 = 0, INITVAL_15 = 0, INITVAL_16 = 0, INITVAL_17 = 0, INITVAL_18 = 0, INITVAL_19 = 0, INITVAL_1A = 0,
      INITVAL_1B = 0, INITVAL_1C = 0, INITVAL_1D = 0, INITVAL_1E = 0, INITVAL_1F = 0, INITVAL_20 = 0, INITVAL_21 = 0,
      INITVAL_22 = 0, INITVAL_23 = 0, INITVAL_24 = 0, INITVAL_25 = 0, INITVAL_26 = 0, INITVAL_27 = 0, INITVAL_28 = 0,
      INITVAL_29 = 0, INITVAL_2A = 0, INITVAL_2B = 0, INITVAL_2C = 0, INITVAL_2D = 0, INITVAL_2E = 0, INITVAL_2F = 0,
      INITVAL_30 = 0, INITVAL_31 = 0, INITVAL_32 = 0, INITVAL_33 = 0, INITVAL_34 = 0, INITVAL_35 = 0, INITVAL_36 = 0,
      INITVAL_37 = 0, INITVAL_38 = 0, INITVAL_39 = 0, INITVAL_3A = 0, INITVAL_3B = 0, INITVAL_3C = 0, INITVAL_3D = 0,
      INITVAL_3E = 0, INITVAL_3F = 0;
  localparam [64*320-1:0] INITIAL = {
      INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A, INITVAL_39, INITVAL_38, INITVAL_37, INITVAL_36,
      INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32, INITVAL_31, INITVAL_30, INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C,
      INITVAL_2B, INITVAL_2A, INITVAL_29, INITVAL_28, INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24, INITVAL_23, INITVAL_22,
      INITVAL_21, INITVAL_20, INITVAL_1F, INITVAL_1E, INITVAL_1D, INITVAL_1C, INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18,
      INITVAL_17, INITVAL_16, INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10, INITVAL_0F, INITVAL_0E,
      INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A, INITVAL_09, INITVAL_08, INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04,
      INITVAL_03, INITVAL_02, INITVAL_01, INITVAL_00};

  reg [17:0] words[0:1023];
  integer i;
  initial for (i = 0; i < 1024; i = i + 1) words[i] = INITIAL[20*i+:18];

  wire [13:0] address_a = `PINS14(ADA), address_b = `PINS14(ADB);
  wire [35:0] written = {`PINS18(DIB), `PINS18(DIA)};
  reg [35:0] read_a = 0, read_b = 0;
  assign `PINS18(DOA) = DATA_WIDTH_B == 36 ? read_b[17:0] : read_a[17:0];
  assign `PINS18(DOB) = DATA_WIDTH_B == 36 ? read_b[35:18] : read_b[17:0];

  // The bits of a word of 18 where those of an address are; a word of 9 has its own upper bit, smaller ones have none.
  function [17:0] part(input integer width, input [17:0] word, input [3:0] low);
    case (width)
      9: part = low[3] ? word[17:9] : word[8:0];
      4: part = word[9*low[3]+4*low[2]+:4];
      2: part = word[9*low[3]+2*low[2:1]+:2];
      1: part = word[9*low[3]+low[2:0]+:1];
      default: part = word;
    endcase
  endfunction

  always @(posedge CLKA) begin
    if (CEA && WEA) begin
      case (DATA_WIDTH_A)
        36: begin
          if (address_a[0]) words[{address_a[13:5], 1'b0}][8:0] <= written[8:0];
          if (address_a[1]) words[{address_a[13:5], 1'b0}][17:9] <= written[17:9];
          if (address_a[2]) words[{address_a[13:5], 1'b1}][8:0] <= written[26:18];
          if (address_a[3]) words[{address_a[13:5], 1'b1}][17:9] <= written[35:27];
        end
        18: begin
          if (address_a[0]) words[address_a[13:4]][8:0] <= written[8:0];
          if (address_a[1]) words[address_a[13:4]][17:9] <= written[17:9];
        end
        9: words[address_a[13:4]][9*address_a[3]+:9] <= written[8:0];
        4: words[address_a[13:4]][9*address_a[3]+4*address_a[2]+:4] <= written[3:0];
        2: words[address_a[13:4]][9*address_a[3]+2*address_a[2:1]+:2] <= written[1:0];
        1: words[address_a[13:4]][9*address_a[3]+address_a[2:0]+:1] <= written[0];
      endcase
    end
    if (CEA && !WEA) read_a <= part(DATA_WIDTH_A, words[address_a[13:4]], address_a[3:0]);
  end
  always @(posedge CLKB) begin
    if (CEB && WEB) $display("nothing moved; a write at port B has no model");
    if (CEB && DATA_WIDTH_B == 36) read_b <= {words[{address_b[13:5], 1'b1}], words[{address_b[13:5], 1'b0}]};
    else if (CEB) read_b <= part(DATA_WIDTH_B, words[address_b[13:4]], address_b[3:0]);
    if (RSTB) read_b <= 0;
  end
endmodule

module MULT18X18D (
    input A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0,
    input B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0,
    input C17, C16, C15, C14, C13, C12, C11, C10, C9, C8, C7, C6, C5, C4, C3, C2, C1, C0,
    input SIGNEDA, SIGNEDB, SOURCEA, SOURCEB,
    output P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18,
    output P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0
);
  parameter REG_INPUTA_CLK = "NONE", REG_INPUTB_CLK = "NONE", REG_PIPELINE_CLK = "NONE", REG_OUTPUT_CLK = "NONE";
  wire [17:0] a = `PINS18(A), b = `PINS18(B);
  wire signed [18:0] wide_a = {SIGNEDA & a[17], a}, wide_b = {SIGNEDB & b[17], b};
  wire signed [37:0] product = wide_a * wide_b;
  assign {P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, `PINS18(P)} = product[35:0];
endmodule
