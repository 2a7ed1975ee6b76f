// From reset to main(), and from a fault to a message and a status: for any Cortex-M under QEMU,
// with newlib's semihosting (--specs=rdimon.specs -nostartfiles). Files, standard output and the
// arguments of main() are the host's.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CPACR (*(volatile uint32_t *)0xE000ED88)  // who may use which coprocessor
#define CCR (*(volatile uint32_t *)0xE000ED14)    // configuration and control
#define CFSR (*(volatile uint32_t *)0xE000ED28)   // why there was a fault

enum { SYS_WRITE0 = 0x04, SYS_GET_CMDLINE = 0x15, SYS_EXIT_EXTENDED = 0x20 };
enum { APPLICATION_EXIT = 0x20026, FAULT_STATUS = 70 };
enum { MOST_ARGUMENTS = 8 };

extern uint32_t sf_data_image[], sf_data_start[], sf_data_end[];
extern uint32_t sf_bss_start[], sf_bss_end[], sf_stack_top[];

void initialise_monitor_handles(void);
int main(int argc, char **argv);
void sf_boot(void);
void sf_fault(void);
void sf_report_fault(const uint32_t *frame);

__attribute__((section(".vectors"), used)) static const struct {
  const uint32_t *stack;
  void (*handlers[7])(void);
} vectors = {sf_stack_top, {sf_boot, sf_fault, sf_fault, sf_fault, sf_fault, sf_fault, sf_fault}};

static int semihosting(int operation, const void *argument) {
  register int r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

// Not inlined: a compiler may use vector registers here, and they are switched on only in sf_boot.
__attribute__((noinline, noreturn)) static void start(void) {
  static char line[256];
  static char *arguments[MOST_ARGUMENTS + 1];
  const struct {
    char *text;
    uint32_t length;
  } block = {line, sizeof line};
  int count = 0;

  memcpy(sf_data_start, sf_data_image, (uintptr_t)sf_data_end - (uintptr_t)sf_data_start);
  memset(sf_bss_start, 0, (uintptr_t)sf_bss_end - (uintptr_t)sf_bss_start);
  initialise_monitor_handles();
  if (semihosting(SYS_GET_CMDLINE, &block) == 0) {
    for (char *word = strtok(line, " "); word && count < MOST_ARGUMENTS; word = strtok(NULL, " ")) {
      arguments[count++] = word;
    }
  }
  exit(main(count, arguments));
}

void sf_boot(void) {
  CPACR |= 0xFU << 20;  // the FPU, and MVE with it
  CCR |= 1U << 4;       // a division by zero is a fault
  __asm__ volatile("dsb\n isb" ::: "memory");
  start();
}

static void write_hexadecimal(uint32_t value) {
  char digits[] = "0x00000000";
  for (int i = 9; i >= 2; --i, value >>= 4) digits[i] = "0123456789abcdef"[value & 15];
  semihosting(SYS_WRITE0, digits);
}

// frame: what the core pushed: r0 to r3, r12, lr, pc, xPSR.
__attribute__((used)) void sf_report_fault(const uint32_t *frame) {
  const struct {
    uint32_t reason, status;
  } block = {APPLICATION_EXIT, FAULT_STATUS};
  semihosting(SYS_WRITE0, "fault: pc ");
  write_hexadecimal(frame[6]);
  semihosting(SYS_WRITE0, ", CFSR ");
  write_hexadecimal(CFSR);
  semihosting(SYS_WRITE0, "\n");
  semihosting(SYS_EXIT_EXTENDED, &block);
  for (;;) {
  }
}

__attribute__((naked)) void sf_fault(void) { __asm__ volatile("mrs r0, msp\n b sf_report_fault"); }
