// Copies INPUT to OUTPUT with a checksum behind it: as much of a program as an exported network's.
#include <stdio.h>

#include "checksum.h"
#include "sf_measure.h"

int main(int argc, char **argv) {
  unsigned char block[100];
  size_t length;
  unsigned long sum;
  sf_measurement cost = {0};
  FILE *input, *output;

  if (argc != 3) {
    fprintf(stderr, "usage: prog INPUT OUTPUT\n");
    return 2;
  }
  input = fopen(argv[1], "rb");
  output = fopen(argv[2], "wb");
  if (input == NULL || output == NULL) return 1;
  while ((length = fread(block, 1, sizeof block, input)) > 0) {
    sf_measure_begin(&cost);
    checksum_add(block, length);
    sf_measure_end(&cost);
    fwrite(block, 1, length, output);
  }
  sum = checksum();
  for (int i = 0; i < 4; ++i) fputc((int)(sum >> (8 * i) & 255), output);
  fclose(input);
  if (fclose(output) != 0) return 1;
  sf_measure_print(&cost);
  return 0;
}
