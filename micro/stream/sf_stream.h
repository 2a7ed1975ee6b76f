// Line streaming: a network that takes an image row by row and keeps only the rows that are still
// needed.
//
// A generated NAME_stream.c holds a network as tables of tensors and stages; this runs them.
// Nothing is allocated, and nothing but stdint, stddef and string is needed of the C library.
//
// One image after the other: load a task image once, push all rows of an image, read the outputs,
// push the next image. A network with states, such as a streaming keyword spotter, remembers the
// images since sf_reset().
#ifndef SF_STREAM_H_
#define SF_STREAM_H_

#include <stddef.h>
#include <stdint.h>

#include "sf_kernels.h"

// Where the memory of networks lies, if not with other data: define it as your compiler writes it,
// such as __attribute__((section(".dtcm"))).
#ifndef SF_MEMORY_SECTION
#define SF_MEMORY_SECTION
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  SF_OK = 0,          // the row was taken; more rows are expected
  SF_IMAGE_COMPLETE,  // the row was the image's last; all outputs are there
  SF_NO_TASK,         // no task image has been loaded
  SF_BUSY,         // work is left (sf_work); or called from the function given to sf_set_on_row(),
                   // and nothing has been done
  SF_NULL,         // the row or the task image is NULL; nothing has been done
  SF_NOT_ALIGNED,  // from here on: why a task image was refused. It must begin at an address that
                   // is a multiple of 4
  SF_TOO_SHORT,    // it ends before its header does
  SF_NOT_A_TASK,   // it does not begin with "SFTI"
  SF_OTHER_VERSION,   // written for another version of this code
  SF_OTHER_SIZE,      // larger than what was given, or not of the size of this network's tasks
  SF_DAMAGED,         // its CRC-32 is wrong
  SF_OTHER_CORE,      // made for another frozen core
  SF_OTHER_DATAPATH,  // made for this core, in a network of another structure
  SF_BAD_FACTOR,      // a requantisation factor is out of range
  SF_BAD_SWITCH       // a switch is in a position that it does not have
} sf_status;

// A status as a sentence.
const char *sf_status_text(sf_status status);

// A tensor: a map that is made row by row. Tensor 0 is the image.
typedef struct {
  uint16_t height, width, channels;
  uint16_t rows;    // how many are kept from one line to the next; row y is in slot y % rows
  uint32_t kept;    // offset of these rows in the memory
  uint32_t newest;  // offset of the newest row in the memory; the image's lies with the caller
} sf_tensor;

typedef struct sf_stage sf_stage;
typedef struct sf_switching sf_switching;
typedef struct sf_network sf_network;

// What a kind of stage does with a row, and what it checks of its part of a task image.
typedef struct {
  // rows: those under the window, NULL in the padding; of a stage with several inputs, one of each;
  // or those that the stage's `reads` say.
  void (*run)(const sf_network *network, const sf_stage *stage, const int8_t *const *rows,
              int8_t *output);
  sf_status (*check)(const sf_stage *stage, const uint8_t *section);
} sf_kind;

// An output, given while a condition is met: 0 for always, or 1 + its index.
typedef struct {
  uint16_t tensor;
  uint8_t condition;
} sf_output_tensor;

// Rows of one of a stage's inputs that a step reads.
typedef struct {
  uint16_t input, first, last;
} sf_reads;

// A stage: makes one row of its tensor whenever the rows that it reads are there.
struct sf_stage {
  const sf_kind *kind;
  const void *parameters;   // of its kind, see sf_stages.h
  const uint16_t *inputs;   // tensors
  const uint16_t *retires;  // tensors whose newest row no later stage of a line reads
  const sf_reads *reads;    // of each step; NULL of a stage with a window, or one row of each input
  uint8_t input_count, retire_count;
  uint8_t window_rows, row_stride, row_dilation, rows_above;  // which rows of its input it reads
  int16_t first_rows;     // that its first step reads down to; each further one row_stride more
  uint16_t input_height;  // and none more than these
  uint16_t steps;         // rows of its output, or of its input if it sums them up
  uint16_t output;    // the tensor that it makes; of the stages that make the same one, one runs
  uint8_t condition;  // it runs while this is met: 0 for always, or 1 + its index
  uint32_t section;   // offset of what a task can change about it in the task image
};

// A map that is kept from one image to the next.
typedef struct {
  uint32_t place;      // offset of its rows in the memory
  uint32_t row_bytes;  // from one row to the next
  uint16_t rows;
  int8_t initial;  // all its codes, before the first image
} sf_kept_map;

// What changes while a network runs.
typedef struct {
  const uint8_t *task;      // the task image in use, or NULL
  const int8_t *image_row;  // the newest row of the image
  void (*on_row)(void *user, uint16_t output, uint16_t row, const int8_t *values);
  void *user;
  uint16_t next_stage;  // of the line that is being worked on
  uint8_t is_pending;   // work is left of the newest row
  uint8_t is_running;   // within sf_push_row() or sf_work(), from which on_row is called
} sf_state;

// A network: constant tables, and where its memory is.
struct sf_network {
  const sf_tensor *tensors;
  const sf_stage *stages;
  const sf_output_tensor *outputs;
  uint16_t stage_count, output_count;
  uint32_t task_bytes;
  const sf_switching *switching;  // see sf_switches.h; NULL if a task can switch nothing
  const sf_kept_map *states;      // NULL if it has none
  uint16_t state_count;
  const uint8_t *core_digest, *datapath_digest;  // 32 bytes each
  sf_state *state;
  uint16_t *made;       // rows made so far of each tensor
  uint16_t *steps;      // steps done so far of each stage
  const int8_t **rows;  // as many as a stage reads at most
  int8_t *memory;       // aligned to 4 bytes
};

// Whether a task image could be put into use, at any time: of `size` bytes that may hold more
// behind it, such as a whole slot of flash. Returns: SF_OK, SF_NULL or why it would be refused.
sf_status sf_check_task(const sf_network *network, const void *image, size_t size);

// Puts a task image into use, at any time but from on_row, and resets the network. The
// task image stays where it is and must not change while it is in use. A refused one changes
// nothing: the task before it stays in use. `size` is as for sf_check_task. Returns: SF_OK,
// SF_BUSY, SF_NULL or why it was refused.
sf_status sf_load_task(const sf_network *network, const void *image, size_t size);

// Forgets the rows of an unfinished image; the next row pushed is the first of an image. If there
// was such a row, a network with states is reset, because some of them are of that image.
// Returns: SF_OK or SF_BUSY.
sf_status sf_start(const sf_network *network);

// Forgets all images: the next row pushed is the first row of the first one. A network without
// states forgets each image anyway. Returns: SF_OK or SF_BUSY.
sf_status sf_reset(const sf_network *network);

// Takes the next row of an image: width x channels codes, which may change after the call.
// Returns: SF_OK, SF_IMAGE_COMPLETE with the last row, SF_BUSY, SF_NULL or SF_NO_TASK.
sf_status sf_push_row(const sf_network *network, const int8_t *row);

// The same in small pieces, so that a firmware can do other things between them, such as take the
// next row of a camera. With the last row of an image comes the work of many lines.
//
// sf_give_row takes the next row, which must not change while its work is pending, and computes
// nothing. Returns: SF_OK, SF_BUSY if the work of the row before it is pending, SF_NULL or
// SF_NO_TASK.
//
// sf_work computes one row of one stage. Returns: SF_BUSY while work is pending; then SF_OK, or
// SF_IMAGE_COMPLETE after the last row.
sf_status sf_give_row(const sf_network *network, const int8_t *row);
sf_status sf_work(const sf_network *network);

// Sets a function that is given each row of each output as it is made. NULL: none. It may call
// sf_output() and sf_set_on_row(); the other functions then return SF_BUSY.
void sf_set_on_row(const sf_network *network,
                   void (*on_row)(void *user, uint16_t output, uint16_t row, const int8_t *values),
                   void *user);

// An output of one row, after the image is complete and until the next one is. NULL if there is no
// such output, if it has more rows, if no task has been loaded or the task does not give it.
const int8_t *sf_output(const sf_network *network, uint16_t output);

#ifdef __cplusplus
}
#endif

#endif  // SF_STREAM_H_
