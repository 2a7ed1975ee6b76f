// Simulates a netlist of ECP5 cells with one clock (netlist.py writes it): only what changes is
// computed, so that a clock in which little moves costs little. Bytes of sent.bin go into the
// serial port, and what comes is printed.
//   netlist NETLIST SENT CLOCKS_PER_BIT: lines of SENT are a number of bytes to wait for, then
//   bytes, in hexadecimal.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LUT, READ, PRODUCT };  // kinds of cells without a clock

static int nets, cells, levels, flops, rams, blocks;
static int rx_net, tx_net;
static uint8_t *value;

// Cells without a clock. A LUT has four inputs and a table; a READ is a RAM's; a PRODUCT has 36
// inputs and outputs, and signs.
static int *kind, *level, *table, *first_pin, *pins, *is_waiting;
static int **bucket, *bucket_size;
// Which cells and flip-flops read a net
static int *first_cell, *cell_readers, *first_flop, *flop_readers;

static int *flop, *is_dirty, *dirty,
    dirty_count;             // a flop: D, CE, LSR, Q, and 1: CE inverted, 2: LSR inverted, 4: set
static int *ram, *ram_cell;  // DI 4, WAD 4, WE, 1 if that is inverted
static uint8_t (*ram_word)[16];
static int *block;  // see BLOCK_INTS
enum {
  WIDTH_A,
  WIDTH_B,
  CEA,
  WEA,
  CEB,
  RSTB,
  ADA,
  ADB = ADA + 14,
  DIA = ADB + 14,
  DIB = DIA + 18,
  DOA = DIB + 18,
  DOB = DOA + 18,
  BLOCK_INTS = DOB + 18
};
static uint32_t (*word)[1024], (*read_word)[2];
static int *pending, pending_count;  // nets that change at the clock

static int *ints(FILE *file, size_t count) {
  int *made = calloc(count + 1, sizeof *made);
  if (count && fread(made, sizeof *made, count, file) != count) exit(1);
  return made;
}

static void set(int net, int to) {
  if (net < 2 || value[net] == to) return;
  value[net] = (uint8_t)to;
  for (int i = first_cell[net]; i < first_cell[net + 1]; i++) {
    int cell = cell_readers[i];
    if (!is_waiting[cell]) bucket[level[cell]][bucket_size[level[cell]]++] = cell;
    is_waiting[cell] = 1;
  }
  for (int i = first_flop[net]; i < first_flop[net + 1]; i++) {
    if (!is_dirty[flop_readers[i]]) dirty[dirty_count++] = flop_readers[i];
    is_dirty[flop_readers[i]] = 1;
  }
}

static uint64_t gathered(const int *from, int count) {
  uint64_t made = 0;
  for (int i = 0; i < count; i++) made |= (uint64_t)value[from[i]] << i;
  return made;
}

static void compute(int cell) {
  const int *pin = pins + first_pin[cell];
  if (kind[cell] == LUT) {
    set(pin[4], table[cell] >> gathered(pin, 4) & 1);
  } else if (kind[cell] == READ) {
    int found = ram_word[table[cell]][gathered(pin, 4)];
    for (int i = 0; i < 4; i++) set(pin[4 + i], found >> i & 1);
  } else {
    int64_t a = (int64_t)gathered(pin, 18), b = (int64_t)gathered(pin + 18, 18);
    if (value[pin[36]] && a >> 17) a -= 1 << 18;
    if (value[pin[37]] && b >> 17) b -= 1 << 18;
    for (int i = 0; i < 36; i++) set(pin[38 + i], (int)(a * b >> i & 1));
  }
}

static void settle(void) {
  for (int l = 0; l < levels; l++) {
    for (int i = 0; i < bucket_size[l]; i++) {
      is_waiting[bucket[l][i]] = 0;
      compute(bucket[l][i]);
    }
    bucket_size[l] = 0;
  }
}

static void later(int net, int to) {
  if (net > 1 && value[net] != to) pending[pending_count++] = 2 * net + to;
}

// What of a word of 18 bits is at the low bits of an address; a word of 9 has an upper bit of its
// own, smaller ones have none
static uint32_t part(int width, uint32_t whole, int low) {
  switch (width) {
    case 9:
      return whole >> 9 * (low >> 3) & 511;
    case 4:
      return whole >> (9 * (low >> 3) + 4 * (low >> 2 & 1)) & 15;
    case 2:
      return whole >> (9 * (low >> 3) + 2 * (low >> 1 & 3)) & 3;
    case 1:
      return whole >> (9 * (low >> 3) + (low & 7)) & 1;
    default:
      return whole;
  }
}

static void put(int b, int at, uint32_t mask, uint32_t bits) {
  word[b][at] = (word[b][at] & ~mask) | (bits & mask);
}

static void clock_block(int b) {
  const int *x = block + b * BLOCK_INTS;
  int a = value[x[CEA]] ? (int)gathered(x + ADA, 14) : 0, row = a >> 4;
  if (value[x[CEB]]) {
    int at = (int)gathered(x + ADB, 14);
    uint32_t *both = read_word[b];
    if (x[WIDTH_B] == 36) {
      both[0] = word[b][at >> 4 & ~1], both[1] = word[b][at >> 4 | 1];
    } else {
      both[1] = part(x[WIDTH_B], word[b][at >> 4], at & 15);
    }
    if (value[x[RSTB]]) both[1] = 0;
    for (int i = 0; i < 18; i++) {
      if (x[WIDTH_B] == 36) later(x[DOA + i], both[0] >> i & 1);
      later(x[DOB + i], both[1] >> i & 1);
    }
  }
  if (!value[x[CEA]]) return;
  if (!value[x[WEA]]) {
    if (x[WIDTH_B] == 36) return;
    uint32_t found = part(x[WIDTH_A], word[b][row], a & 15);
    for (int i = 0; i < 18; i++) later(x[DOA + i], found >> i & 1);
    return;
  }
  uint32_t low = (uint32_t)gathered(x + DIA, 18), high = (uint32_t)gathered(x + DIB, 18);
  int width = x[WIDTH_A], shift = 9 * (a >> 3 & 1);
  if (width >= 18) {
    int even = width == 36 ? row & ~1 : row;
    put(b, even, (a & 1 ? 511 : 0) | (a & 2 ? 511 << 9 : 0), low);
    if (width == 36) put(b, even | 1, (a & 4 ? 511 : 0) | (a & 8 ? 511 << 9 : 0), high);
    return;
  }
  if (width == 4) shift += 4 * (a >> 2 & 1);
  if (width == 2) shift += 2 * (a >> 1 & 3);
  if (width == 1) shift += a & 7;
  put(b, row, ((1u << width) - 1) << shift, low << shift);
}

static void tick(void) {
  settle();
  pending_count = 0;
  for (int i = 0; i < dirty_count; i++) {
    const int *f = flop + 5 * dirty[i];
    is_dirty[dirty[i]] = 0;
    if (value[f[2]] != (f[4] >> 1 & 1)) {
      later(f[3], f[4] >> 2);
    } else if (value[f[1]] != (f[4] & 1)) {
      later(f[3], value[f[0]]);
    }
  }
  dirty_count = 0;
  for (int b = 0; b < blocks; b++) {
    const int *x = block + b * BLOCK_INTS;
    if (value[x[CEA]] || value[x[CEB]]) clock_block(b);
  }
  for (int r = 0; r < rams; r++) {
    const int *x = ram + 10 * r;
    if (value[x[8]] == x[9]) continue;
    ram_word[r][gathered(x + 4, 4)] = (uint8_t)gathered(x, 4);
    int cell = ram_cell[r];
    if (!is_waiting[cell]) bucket[level[cell]][bucket_size[level[cell]]++] = cell;
    is_waiting[cell] = 1;
  }
  for (int i = 0; i < pending_count; i++) set(pending[i] >> 1, pending[i] & 1);
}

static void load(const char *name) {
  FILE *file = fopen(name, "rb");
  if (!file) exit(1);
  int *size = ints(file, 10);
  nets = size[0], cells = size[1], levels = size[2], flops = size[3], rams = size[4],
  blocks = size[5];
  rx_net = size[6], tx_net = size[7];
  kind = ints(file, (size_t)cells), level = ints(file, (size_t)cells),
  table = ints(file, (size_t)cells);
  first_pin = ints(file, (size_t)cells + 1), pins = ints(file, (size_t)first_pin[cells]);
  first_cell = ints(file, (size_t)nets + 1), cell_readers = ints(file, (size_t)first_cell[nets]);
  first_flop = ints(file, (size_t)nets + 1), flop_readers = ints(file, (size_t)first_flop[nets]);
  flop = ints(file, 5 * (size_t)flops);
  ram = ints(file, 10 * (size_t)rams), ram_cell = ints(file, (size_t)rams);
  block = ints(file, BLOCK_INTS * (size_t)blocks);
  word = calloc((size_t)blocks + 1, sizeof *word);
  if (fread(word, sizeof *word, (size_t)blocks, file) != (size_t)blocks) exit(1);
  fclose(file);
  value = calloc((size_t)nets, 1), value[1] = 1;
  is_waiting = calloc((size_t)cells, sizeof *is_waiting);
  bucket = calloc((size_t)levels, sizeof *bucket),
  bucket_size = calloc((size_t)levels, sizeof *bucket_size);
  int *count = calloc((size_t)levels, sizeof *count);
  for (int c = 0; c < cells; c++) count[level[c]]++;
  for (int l = 0; l < levels; l++) bucket[l] = calloc((size_t)count[l] + 1, sizeof **bucket);
  dirty = calloc((size_t)flops + 1, sizeof *dirty),
  is_dirty = calloc((size_t)flops + 1, sizeof *is_dirty);
  ram_word = calloc((size_t)rams + 1, sizeof *ram_word),
  read_word = calloc((size_t)blocks + 1, sizeof *read_word);
  pending = calloc((size_t)nets + 36 * (size_t)blocks + (size_t)flops, sizeof *pending);
  for (int f = 0; f < flops; f++)
    value[flop[5 * f + 3]] = (uint8_t)(flop[5 * f + 4] >> 2), dirty[dirty_count++] = f,
                       is_dirty[f] = 1;
  for (int c = 0; c < cells; c++) bucket[level[c]][bucket_size[level[c]]++] = c, is_waiting[c] = 1;
}

// --- The computer at the serial port

static int clocks_per_bit, came, heard, since = -1;
static long clocks;

static void wait_clock(void) {
  tick();
  clocks++;
  settle();
  if (since < 0 && !value[tx_net]) since = 0, heard = 0;
  if (since < 0) return;
  since++;
  int bit = since / clocks_per_bit;
  if (since % clocks_per_bit == clocks_per_bit / 2 && bit > 0 && bit < 9)
    heard |= value[tx_net] << (bit - 1);
  if (since < 9 * clocks_per_bit + clocks_per_bit / 2) return;
  since = -1;
  came++;
  printf("byte %02x\n", heard);
}

static void send(int byte) {
  int bits = byte << 1 | 1 << 9;
  for (int i = 0; i < 10; i++) {
    set(rx_net, bits >> i & 1);
    for (int c = 0; c < clocks_per_bit; c++) wait_clock();
  }
}

int main(int count, char **words) {
  if (count != 4) return 1;
  load(words[1]);
  clocks_per_bit = atoi(words[3]);
  FILE *sent = fopen(words[2], "r");
  value[rx_net] = 1;
  for (int i = 0; i < 40 * clocks_per_bit; i++) wait_clock();
  int bytes, expected, next;
  while (sent && fscanf(sent, "%d %d", &bytes, &expected) == 2) {
    for (int i = 0; i < bytes && fscanf(sent, "%x", &next) == 1; i++) send(next);
    for (long end = clocks + 4000000; came < expected && clocks < end;) wait_clock();
    printf("clocks %ld\n", clocks);
    fflush(stdout);
  }
  return 0;
}
