// Simulation in Verilator: the clock of a bench. Icarus has sf_clock.sv for it.
#include <memory>

#include "Vbench.h"
#include "verilated.h"

int main(int argc, char **argv) {
  const auto context = std::make_unique<VerilatedContext>();
  context->commandArgs(argc, argv);
  const auto bench = std::make_unique<Vbench>(context.get());
  while (!context->gotFinish()) {
    bench->clk = !bench->clk;
    bench->eval();
  }
  return 0;
}
