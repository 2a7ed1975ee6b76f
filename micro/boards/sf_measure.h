// What a stretch of code costs: instructions and bytes of stack on QEMU's boards, elsewhere
// processor time. An interrupt would count too; the boards have none.
//
//   sf_measurement cost = {0};
//   while (...) {
//     sf_measure_begin(&cost);
//     network(...);
//     sf_measure_end(&cost);
//   }
//   sf_measure_print(&cost);
#ifndef SF_MEASURE_H_
#define SF_MEASURE_H_

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

// How far down the stack is watched. Far more than a network's rows need; painting it takes time.
#ifndef SF_STACK_WATCHED
#define SF_STACK_WATCHED 16384
#endif

typedef struct {
  uint64_t ticks;    // instructions, on Arm each stretch to 50, or ticks of clock()
  uint32_t stack;    // the most bytes between a begin and its end, below the frame of who measures
  uint32_t started;  // the counter at the last begin
} sf_measurement;

#if defined(SF_BOARD_MPS2) || defined(SF_BOARD_MPS2_TZ) || defined(SF_BOARD_MPS3) || \
    defined(SF_BOARD_VIRT)

// Under -icount shift=0 an instruction takes a nanosecond, and the counter of the board's FPGA
// counts at 25 MHz (MPS2) or 20 MHz (with TrustZone, and MPS3).
#if defined(SF_BOARD_MPS2)
#define SF_COUNTER (*(volatile uint32_t *)0x40028018)
#define SF_INSTRUCTIONS_A_COUNT 40
#elif defined(SF_BOARD_MPS2_TZ)
#define SF_COUNTER (*(volatile uint32_t *)0x50302018)
#define SF_INSTRUCTIONS_A_COUNT 50
#elif defined(SF_BOARD_MPS3)
#define SF_COUNTER (*(volatile uint32_t *)0x49302018)
#define SF_INSTRUCTIONS_A_COUNT 50
#else  // RISC-V has a counter of its own
#define SF_COUNTER sf_instructions()
#define SF_INSTRUCTIONS_A_COUNT 1
static inline uint32_t sf_instructions(void) {
  uint32_t count;
  __asm__ volatile("csrr %0, minstret" : "=r"(count));
  return count;
}
#endif

#define SF_PAINT 0xA5C3965AU
#define SF_INLINE __attribute__((always_inline)) static inline

// Always inlined, here and below, so that the stack pointer is the one of who measures, below which
// the frames of the network begin.
SF_INLINE volatile uint32_t *sf_stack_pointer(void) {
  volatile uint32_t *pointer;
#if defined(__riscv)
  __asm__ volatile("mv %0, sp" : "=r"(pointer));
#else
  __asm__ volatile("mov %0, sp" : "=r"(pointer));
#endif
  return pointer;
}

SF_INLINE void sf_measure_begin(sf_measurement *measurement) {
  volatile uint32_t *top = sf_stack_pointer();
  for (int32_t i = 1; i <= SF_STACK_WATCHED / 4; ++i) top[-i] = SF_PAINT;
  measurement->started = SF_COUNTER;
}

SF_INLINE void sf_measure_end(sf_measurement *measurement) {
  const uint32_t counted = SF_COUNTER - measurement->started;
  volatile uint32_t *top = sf_stack_pointer();
  int32_t words = SF_STACK_WATCHED / 4;
  while (words > 0 && top[-words] == SF_PAINT) --words;
  measurement->ticks += (uint64_t)counted * SF_INSTRUCTIONS_A_COUNT;
  if (4 * (uint32_t)words > measurement->stack) measurement->stack = 4 * (uint32_t)words;
}

static inline void sf_measure_print(const sf_measurement *measurement) {
  if (measurement->stack >= SF_STACK_WATCHED) {
    fprintf(stderr, "the stack is used deeper than SF_STACK_WATCHED, %d bytes; define more\n",
            SF_STACK_WATCHED);
    exit(EXIT_FAILURE);
  }
  printf("instructions %llu\nstack %lu\n", (unsigned long long)measurement->ticks,
         (unsigned long)measurement->stack);
}

#else

static inline void sf_measure_begin(sf_measurement *measurement) {
  measurement->started = (uint32_t)clock();
}

static inline void sf_measure_end(sf_measurement *measurement) {
  measurement->ticks += (uint32_t)clock() - measurement->started;
}

static inline void sf_measure_print(const sf_measurement *measurement) {
  printf("seconds %.6f\n", (double)measurement->ticks / CLOCKS_PER_SEC);
}

#endif

#endif  // SF_MEASURE_H_
