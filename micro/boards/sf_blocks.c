// A plugin of QEMU that counts how often each block of a program is run within one function:
// -plugin sf_blocks.so,function=ADDRESS,output=FILE. A block is a run of instructions that ends at
// a branch. Each line of FILE: address of its first instruction, bytes, instructions, place, times
// it was run, times the next block did not follow it in memory (its branch was taken). What is
// called from the function counts too; what runs while none of its calls is under way does not.
//
// With mark=ADDRESS,marks=ADDRESS too, the place is where the function `mark` last wrote, counted
// from `marks` (sf_mark_hooks.h), and that function itself does not count. Else it is 0.
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What is used of QEMU's qemu-plugin.h, version 1, which Debian does not package.
typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { QEMU_PLUGIN_CB_NO_REGS = 0, QEMU_PLUGIN_MEM_W = 2 };
typedef void block_translated(qemu_plugin_id_t id, struct qemu_plugin_tb *block);
typedef void block_run(unsigned processor, void *data);
typedef void memory_used(unsigned processor, uint32_t about, uint64_t address, void *data);
typedef void at_exit(qemu_plugin_id_t id, void *data);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, block_translated *call);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *block, block_run *call, int flags,
                                          void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *instruction, memory_used *call,
                                      int flags, int kind, void *data);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, at_exit *call, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *instruction);

#define PUBLIC __attribute__((visibility("default")))
PUBLIC int qemu_plugin_version = 1;

typedef struct tally tally;
struct tally {
  uint64_t place, runs, taken;
  tally *next;
};

typedef struct counted counted;
struct counted {
  uint64_t address, bytes, instructions;
  tally *tallies;  // the one that was used last comes first
  counted *next;
};

static counted *blocks;
static counted *previous;        // the block that ran before
static uint64_t previous_place;  // and the place then
static uint64_t function;        // address
static uint64_t mark, marks;     // addresses, or 0
static uint64_t place;           // where the mark is
static uint64_t returns_to;      // address, while a call of the function is under way; else 0
static FILE *output;

static tally *tally_of(counted *block, uint64_t at) {
  for (tally **link = &block->tallies; *link != NULL; link = &(*link)->next) {
    tally *found = *link;
    if (found->place != at) continue;
    *link = found->next;
    found->next = block->tallies;
    block->tallies = found;
    return found;
  }
  tally *made = calloc(1, sizeof *made);
  if (made == NULL) abort();
  made->place = at;
  made->next = block->tallies;
  block->tallies = made;
  return made;
}

static void moved(unsigned processor, uint32_t about, uint64_t address, void *data) {
  (void)processor, (void)about, (void)data;
  place = address - marks;
}

static void run(unsigned processor, void *data) {
  counted *block = data;
  (void)processor;
  if (block->address == mark) return;
  if (returns_to == 0 && block->address == function && previous != NULL) {
    returns_to = previous->address + previous->bytes;
    previous = NULL;
  } else if (block->address == returns_to) {
    if (previous != NULL) tally_of(previous, previous_place)->taken++;  // the way back
    returns_to = 0;
  }
  if (returns_to != 0) {
    if (previous != NULL && previous->address + previous->bytes != block->address)
      tally_of(previous, previous_place)->taken++;
    tally_of(block, place)->runs++;
  }
  previous = block;
  previous_place = place;
}

// Bytes of a Thumb instruction, by its first halfword. QEMU's own number takes in the halfword
// behind the last instruction of a page, which it looks at to end the block there.
static uint64_t size(const struct qemu_plugin_insn *instruction) {
  uint16_t first;
  memcpy(&first, qemu_plugin_insn_data(instruction), sizeof first);
  return first >> 11 >= 0x1d ? 4 : 2;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *block) {
  counted *made = calloc(1, sizeof *made);
  (void)id;
  if (made == NULL) abort();
  made->address = qemu_plugin_tb_vaddr(block);
  made->instructions = qemu_plugin_tb_n_insns(block);
  for (size_t i = 0; i < made->instructions; ++i) {
    struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
    made->bytes += size(instruction);
    if (made->address == mark)
      qemu_plugin_register_vcpu_mem_cb(instruction, moved, QEMU_PLUGIN_CB_NO_REGS,
                                       QEMU_PLUGIN_MEM_W, NULL);
  }
  made->next = blocks;
  blocks = made;
  qemu_plugin_register_vcpu_tb_exec_cb(block, run, QEMU_PLUGIN_CB_NO_REGS, made);
}

static void print(qemu_plugin_id_t id, void *data) {
  (void)id, (void)data;
  for (const counted *block = blocks; block != NULL; block = block->next) {
    for (const tally *at = block->tallies; at != NULL; at = at->next) {
      fprintf(output, "%" PRIx64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
              block->address, block->bytes, block->instructions, at->place, at->runs, at->taken);
    }
  }
  fclose(output);
}

PUBLIC int qemu_plugin_install(qemu_plugin_id_t id, const void *about, int count,
                               char **arguments) {
  (void)about;
  for (int i = 0; i < count; ++i) {
    if (strncmp(arguments[i], "function=", 9) == 0) function = strtoull(arguments[i] + 9, NULL, 0);
    if (strncmp(arguments[i], "mark=", 5) == 0) mark = strtoull(arguments[i] + 5, NULL, 0);
    if (strncmp(arguments[i], "marks=", 6) == 0) marks = strtoull(arguments[i] + 6, NULL, 0);
    if (strncmp(arguments[i], "output=", 7) == 0) output = fopen(arguments[i] + 7, "w");
  }
  if (output == NULL) return -1;
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  qemu_plugin_register_atexit_cb(id, print, NULL);
  return 0;
}
