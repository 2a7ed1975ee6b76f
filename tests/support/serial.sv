// Simulation: a computer at the serial port of an FPGA. It sends the bytes of sent.hex, those of a line at a time, waits for
// as many bytes as the line's first number says, and prints what comes.
module sf_clock;
  logic clk = 0;
  always #1 clk = !clk;
  wire uart_tx, led;
  wire received;
  wire [7:0] data;
  logic valid = 0, reset = 1;
  wire ready;
  logic [7:0] next;
  int found, file, expected, count, got = 0, waited = 0, edges = 0;
  wire line;
  fpga_top dut (.clk(clk), .uart_rx(line), .uart_tx(uart_tx), .led_loaded(led));
  sf_uart #(.CLOCKS(@CLOCKS@)) computer (.clk(clk), .reset(reset), .in_line(uart_tx), .received(received),
      .received_data(data), .idle_low(), .out_line(line), .in_valid(valid), .in_ready(ready), .in_data(next));
  always @(posedge clk) begin
    edges <= edges + 1;
    reset <= edges < 30;
    if (received) begin
      $display("byte %h", data);
      got <= got + 1;
    end
    waited <= received || (valid && ready) ? 0 : waited + 1;
    if (waited > 20000) begin
      $display("nothing moved");
      $finish;
    end
  end
  initial begin
    file = $fopen("sent.hex", "r");
    repeat (40) @(posedge clk);
    while ($fscanf(file, "%d %d", count, expected) == 2) begin
      for (int i = 0; i < count; i++) begin
        found = $fscanf(file, "%h", next);
        valid <= 1;
        @(posedge clk);
        while (!ready) @(posedge clk);
        valid <= 0;
        @(posedge clk);
      end
      while (got < expected) @(posedge clk);
    end
    repeat (@CLOCKS@ * 40) @(posedge clk);
    $display("clocks %0d", edges);
    $finish;
  end
endmodule
