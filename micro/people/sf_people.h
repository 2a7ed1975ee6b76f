// People that a face network has been shown: enrolled from photos, then recognised.
//
// All people are in one table of bytes that you own: in RAM while it changes, and as it is in
// flash. A person is the sum of the unit vectors of their photos' embeddings. The arithmetic is in
// integers, the same as that of `sfkeras predict --enrol`, whose people.bin is such a table.
#ifndef SF_PEOPLE_H_
#define SF_PEOPLE_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SF_PEOPLE_NAME_BYTES 32     // of a name in UTF-8, with the 0 at its end
#define SF_PEOPLE_MOST_PHOTOS 4096  // of a person
#define SF_PEOPLE_MOST_DIMENSIONS 1024
#define SF_PEOPLE_ONE 16384  // a cosine of 1

// The bytes of a table of people whose embeddings have `dimensions` values.
#define SF_PEOPLE_BYTES(dimensions, people) \
  (12 + (people) * (SF_PEOPLE_NAME_BYTES + 4 + 4 * (dimensions)))

enum {
  SF_PEOPLE_NONE = -1,     // nobody is enrolled
  SF_PEOPLE_DAMAGED = -2,  // the bytes are no table, or are cut off
  SF_PEOPLE_FULL =
      -3,  // no room for another person, or the person has SF_PEOPLE_MOST_PHOTOS photos
  SF_PEOPLE_NAME = -4,  // the name is empty or too long
  SF_PEOPLE_NULL = -5   // an argument is NULL
};

// Makes an empty table. Returns 0, SF_PEOPLE_NULL, or SF_PEOPLE_FULL if `size` bytes or
// `dimensions` do not suit.
int sf_people_clear(uint8_t *table, size_t size, int dimensions);

// Adds a photo to a person, who is new or known. `embedding` has the table's dimensions; `name`
// ends with a 0. Returns the number of the person, from 0, or what is wrong; then nothing has
// changed.
int sf_people_enrol(uint8_t *table, size_t size, const char *name, const int8_t *embedding);

// The person whose photos are most similar to a face, and their cosine in units of 1 /
// SF_PEOPLE_ONE. It is this person if the cosine is at least the network's threshold. Returns the
// number of the person, or what is wrong.
int sf_people_nearest(const uint8_t *table, size_t size, const int8_t *embedding, int32_t *cosine);

// The name of a person of a table, as one of the functions above has returned it; an empty text if
// there is no such person.
const char *sf_people_name(const uint8_t *table, int person);

#ifdef __cplusplus
}
#endif

#endif  // SF_PEOPLE_H_
