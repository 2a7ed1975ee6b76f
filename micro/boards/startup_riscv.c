// From a trap to a message and a status, for RISC-V under QEMU. picolibc starts the program
// (--crt0=semihost); files, standard output and the arguments of main() are the host's.
#include <stdint.h>

enum { SYS_WRITE0 = 0x04, SYS_EXIT_EXTENDED = 0x20 };
enum { APPLICATION_EXIT = 0x20026, FAULT_STATUS = 70 };

void sf_trap(void);
void sf_report_fault(uint32_t pc, uint32_t cause);

// Aligned, so that it does not cross a page.
__attribute__((noinline, aligned(64))) static void semihosting(int operation,
                                                               const void *argument) {
  register int a0 __asm__("a0") = operation;
  register const void *a1 __asm__("a1") = argument;
  // The three instructions that QEMU knows a call by. They must not be compressed.
  __asm__ volatile(
      ".option push\n .option norvc\n"
      "slli zero, zero, 0x1f\n ebreak\n srai zero, zero, 7\n"
      ".option pop"
      : "+r"(a0)
      : "r"(a1)
      : "memory");
}

static void write_hexadecimal(uint32_t value) {
  char digits[] = "0x00000000";
  for (int i = 9; i >= 2; --i, value >>= 4) digits[i] = "0123456789abcdef"[value & 15];
  semihosting(SYS_WRITE0, digits);
}

__attribute__((used)) void sf_report_fault(uint32_t pc, uint32_t cause) {
  const struct {
    uint32_t reason, status;
  } block = {APPLICATION_EXIT, FAULT_STATUS};
  semihosting(SYS_WRITE0, "fault: pc ");
  write_hexadecimal(pc);
  semihosting(SYS_WRITE0, ", mcause ");
  write_hexadecimal(cause);
  semihosting(SYS_WRITE0, "\n");
  semihosting(SYS_EXIT_EXTENDED, &block);
  for (;;) {
  }
}

__attribute__((naked, aligned(4))) void sf_trap(void) {
  __asm__ volatile("csrr a0, mepc\n csrr a1, mcause\n j sf_report_fault");
}

__attribute__((constructor)) static void set_trap(void) {
  __asm__ volatile("csrw mtvec, %0" : : "r"(sf_trap));
}
