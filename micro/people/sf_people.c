#include "sf_people.h"

#include <string.h>

// The table: magic, version and dimensions in 16 bits, people in 32 bits; then for each person the
// name, the photos and the sums of their unit vectors in 32 bits. Little-endian, in any alignment.
enum { VERSION = 1, HEADER = 12, SCALE_BITS = 10 };

static uint32_t read_word(const uint8_t *bytes) {
  return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void write_word(uint8_t *bytes, uint32_t word) {
  for (int i = 0; i < 4; i++) bytes[i] = (uint8_t)(word >> 8 * i);
}

// A word as a number in two's complement.
static int64_t read_number(const uint8_t *bytes) {
  const uint32_t word = read_word(bytes);
  return word < 0x80000000u ? (int64_t)word : (int64_t)word - 0x100000000;
}

static int dimensions_of(const uint8_t *table) { return table[6] | table[7] << 8; }

static size_t person_bytes(int dimensions) {
  return SF_PEOPLE_NAME_BYTES + 4 + 4 * (size_t)dimensions;
}

static uint8_t *person_at(const uint8_t *table, int person) {
  return (uint8_t *)table + HEADER + (size_t)person * person_bytes(dimensions_of(table));
}

// Whether an entry is one that enrolling makes: no value of a sum of unit vectors is above the
// number of photos, so that no arithmetic overflows.
static int is_person(const uint8_t *entry, int dimensions) {
  const uint8_t *photos = entry + SF_PEOPLE_NAME_BYTES, *sums = photos + 4;
  const uint32_t count = read_word(photos);
  if (entry[0] == 0 || entry[SF_PEOPLE_NAME_BYTES - 1] != 0) return 0;
  if (count == 0 || count > SF_PEOPLE_MOST_PHOTOS) return 0;
  const int64_t most = (int64_t)count * SF_PEOPLE_ONE;
  for (int i = 0; i < dimensions; i++) {
    const int64_t sum = read_number(sums + 4 * i);
    if (sum < -most || sum > most) return 0;
  }
  return 1;
}

// The number of people in a table, or SF_PEOPLE_DAMAGED.
static int people_in(const uint8_t *table, size_t size) {
  if (size < HEADER || memcmp(table, "SFPE\1\0", 6) != 0) return SF_PEOPLE_DAMAGED;
  const int dimensions = dimensions_of(table);
  if (dimensions < 1 || dimensions > SF_PEOPLE_MOST_DIMENSIONS) return SF_PEOPLE_DAMAGED;
  const uint32_t people = read_word(table + 8);
  if (people > 0x7fff || people > (size - HEADER) / person_bytes(dimensions))
    return SF_PEOPLE_DAMAGED;
  for (int person = 0; person < (int)people; person++) {
    if (!is_person(person_at(table, person), dimensions)) return SF_PEOPLE_DAMAGED;
  }
  return (int)people;
}

// The square root, rounded down.
static uint64_t square_root(uint64_t value) {
  uint64_t root = 0;
  for (uint64_t bit = (uint64_t)1 << 62; bit != 0; bit >>= 2) {
    if (value >= root + bit) {
      value -= root + bit;
      root = (root >> 1) + bit;
    } else {
      root >>= 1;
    }
  }
  return root;
}

static int64_t divide_down(int64_t a, int64_t b) { return a / b - (a % b < 0); }

// The length of an embedding in units of 1 / 1024.
static int64_t length_of(const int8_t *embedding, int dimensions) {
  uint64_t squares = 0;
  for (int i = 0; i < dimensions; i++) squares += (uint64_t)(embedding[i] * embedding[i]);
  return (int64_t)square_root(squares << 2 * SCALE_BITS);
}

// A value of an embedding's unit vector, rounded to nearest, halves up.
static int64_t unit_value(int8_t code, int64_t length) {
  if (length == 0) return 0;
  return divide_down(2 * (int64_t)code * SF_PEOPLE_ONE * (1 << SCALE_BITS) + length, 2 * length);
}

int sf_people_clear(uint8_t *table, size_t size, int dimensions) {
  if (!table) return SF_PEOPLE_NULL;
  if (size < HEADER || dimensions < 1 || dimensions > SF_PEOPLE_MOST_DIMENSIONS)
    return SF_PEOPLE_FULL;
  memset(table, 0, size);
  memcpy(table, "SFPE", 4);
  table[4] = VERSION;
  table[6] = (uint8_t)dimensions;
  table[7] = (uint8_t)(dimensions >> 8);
  return 0;
}

int sf_people_enrol(uint8_t *table, size_t size, const char *name, const int8_t *embedding) {
  if (!table || !name || !embedding) return SF_PEOPLE_NULL;
  const int people = people_in(table, size);
  if (people < 0) return people;
  size_t letters = 0;
  while (letters < SF_PEOPLE_NAME_BYTES && name[letters] != 0) letters++;
  if (letters == 0 || letters == SF_PEOPLE_NAME_BYTES) return SF_PEOPLE_NAME;
  const int dimensions = dimensions_of(table);
  int person = 0;
  while (person < people && strcmp((const char *)person_at(table, person), name) != 0) person++;
  uint8_t *entry = person_at(table, person);
  if (person == people) {
    if ((size_t)people >= (size - HEADER) / person_bytes(dimensions)) return SF_PEOPLE_FULL;
    memset(entry, 0, person_bytes(dimensions));
    memcpy(entry, name, letters);
    write_word(table + 8, (uint32_t)people + 1);
  }
  uint8_t *photos = entry + SF_PEOPLE_NAME_BYTES, *sums = photos + 4;
  if (read_word(photos) >= SF_PEOPLE_MOST_PHOTOS) return SF_PEOPLE_FULL;
  write_word(photos, read_word(photos) + 1);
  const int64_t length = length_of(embedding, dimensions);
  for (int i = 0; i < dimensions; i++) {
    write_word(sums + 4 * i,
               (uint32_t)(read_number(sums + 4 * i) + unit_value(embedding[i], length)));
  }
  return person;
}

int sf_people_nearest(const uint8_t *table, size_t size, const int8_t *embedding, int32_t *cosine) {
  if (!table || !embedding || !cosine) return SF_PEOPLE_NULL;
  const int people = people_in(table, size);
  if (people <= 0) return people < 0 ? people : SF_PEOPLE_NONE;
  const int dimensions = dimensions_of(table);
  const int64_t length = length_of(embedding, dimensions);
  int nearest = 0;
  for (int person = 0; person < people; person++) {
    const uint8_t *sums = person_at(table, person) + SF_PEOPLE_NAME_BYTES + 4;
    int64_t product = 0;
    uint64_t squares = 0;
    for (int i = 0; i < dimensions; i++) {
      const int64_t sum = read_number(sums + 4 * i);
      product += unit_value(embedding[i], length) * sum;
      squares += (uint64_t)(sum * sum);
    }
    const int64_t of_sums = (int64_t)square_root(squares);
    const int32_t similar = of_sums == 0 ? -SF_PEOPLE_ONE : (int32_t)divide_down(product, of_sums);
    if (person == 0 || similar > *cosine) {
      *cosine = similar;
      nearest = person;
    }
  }
  return nearest;
}

const char *sf_people_name(const uint8_t *table, int person) {
  if (!table || person < 0 || (uint32_t)person >= read_word(table + 8)) return "";
  return (const char *)person_at(table, person);
}
