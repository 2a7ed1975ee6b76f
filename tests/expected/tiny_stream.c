// The network tiny as tables: its tensors, and its stages in the order in which they run in each line.
// Generated; do not edit. SHA-256 of the task image: d4312d5b4214e8c3f052a046b849ded00a8abb010fb6ba32192f6ad4f777528e
#include "tiny_stream.h"

#include "core_c0c0c0c0.h"
#include "sf/sf_stages.h"
#include "sf/sf_switches.h"

// Height, width, channels, rows kept, offset of these, offset of the newest row. The first is the image.
static const sf_tensor tensors[] = {
    {8, 6, 3, 2, 32, 0},  // image
    {4, 3, 4, 2, 96, 0},  // core1.stem
    {2, 2, 4, 0, 132, 12},  // core1.stage1.right.depthwise
    {2, 2, 2, 0, 132, 20},  // core1.stage1.right.pointwise
    {2, 2, 4, 0, 132, 12},  // core1.stage1.left.depthwise
    {2, 2, 2, 0, 132, 8},  // core1.stage1.left.pointwise
    {2, 2, 4, 0, 132, 0},  // core1.stage1
    {2, 2, 4, 1, 132, 12},  // core1.stage1.blend.beta
    {4, 3, 4, 2, 72, 0},  // frozen.stem
    {2, 2, 4, 0, 120, 20},  // frozen.stage1.unit1.right.depthwise
    {2, 2, 2, 0, 120, 28},  // frozen.stage1.unit1.right.pointwise
    {2, 2, 4, 0, 120, 20},  // frozen.stage1.unit1.left.depthwise
    {2, 2, 2, 0, 120, 0},  // frozen.stage1.unit1.left.pointwise
    {2, 2, 2, 2, 124, 4},  // frozen.stage1.unit2.worked
    {2, 2, 2, 0, 132, 8},  // frozen.stage1.unit2.depthwise
    {2, 2, 2, 0, 132, 20},  // frozen.stage1.unit2.pointwise
    {2, 2, 2, 1, 120, 8},  // frozen.stage1.unit2.kept
    {2, 2, 4, 0, 132, 0},  // frozen.stage1.unit2
    {2, 2, 4, 0, 132, 20},  // core1.stage1.blend.alpha
    {2, 2, 4, 0, 140, 0},  // core1.stage1.blend
    {2, 2, 2, 0, 140, 8},  // head.task.pointwise
    {2, 2, 2, 0, 140, 0},  // head.task.activation
    {1, 1, 2, 0, 140, 0},  // head.task.pool
    {1, 1, 2, 1, 140, 4},  // head.task.pool.activation
};

// core1.stem: 4x3x4, lines 2 to 7
static const uint16_t s1_core1_stem_inputs[] = {0};
static const sf_convolution s1_core1_stem = {{.input_width = 6, .input_channels = 3, .output_width = 3, .output_channels = 4, .kernel_height = 3, .kernel_width = 3, .stride = 2, .dilation = 1, .left = 0, .groups = 1, .input_zero_point = 0, .output_zero_point = 0, .minimum = 0, .maximum = 127}, 0, NULL};

// core1.stage1.right.depthwise: 2x2x4, lines 6 to 7
static const uint16_t s2_core1_stage1_right_depthwise_inputs[] = {1};
static const sf_convolution s2_core1_stage1_right_depthwise = {{.input_width = 3, .input_channels = 4, .output_width = 2, .output_channels = 4, .kernel_height = 3, .kernel_width = 3, .stride = 2, .dilation = 1, .left = 1, .groups = 1, .input_zero_point = 0, .output_zero_point = 0, .minimum = -128, .maximum = 127}, 0, NULL};

// core1.stage1.right.pointwise: 2x2x2, lines 6 to 7
static const uint16_t s3_core1_stage1_right_pointwise_inputs[] = {2};
static const sf_convolution s3_core1_stage1_right_pointwise = {{.input_width = 2, .input_channels = 4, .output_width = 2, .output_channels = 2, .kernel_height = 1, .kernel_width = 1, .stride = 1, .dilation = 1, .left = 0, .groups = 1, .input_zero_point = 0, .output_zero_point = 0, .minimum = 0, .maximum = 127}, 0, NULL};

// core1.stage1.left.depthwise: 2x2x4, lines 6 to 7
static const uint16_t s4_core1_stage1_left_depthwise_inputs[] = {1};
static const uint16_t s4_core1_stage1_left_depthwise_retires[] = {1};
static const sf_convolution s4_core1_stage1_left_depthwise = {{.input_width = 3, .input_channels = 4, .output_width = 2, .output_channels = 4, .kernel_height = 3, .kernel_width = 3, .stride = 2, .dilation = 1, .left = 1, .groups = 1, .input_zero_point = 0, .output_zero_point = 0, .minimum = -128, .maximum = 127}, 0, NULL};

// core1.stage1.left.pointwise: 2x2x2, lines 6 to 7
static const uint16_t s5_core1_stage1_left_pointwise_inputs[] = {4};
static const sf_convolution s5_core1_stage1_left_pointwise = {{.input_width = 2, .input_channels = 4, .output_width = 2, .output_channels = 2, .kernel_height = 1, .kernel_width = 1, .stride = 1, .dilation = 1, .left = 0, .groups = 1, .input_zero_point = 0, .output_zero_point = 0, .minimum = 0, .maximum = 127}, 0, NULL};

// core1.stage1: 2x2x4, lines 6 to 7
static const uint16_t s6_core1_stage1_inputs[] = {5, 3};
static const uint16_t s6_core1_stage1_channels[] = {2, 2};
static const sf_wire_run s6_core1_stage1_runs[] = {{0, 0, 0, 2, 2}, {1, 0, 1, 2, 2}};
static const sf_wiring s6_core1_stage1 = {2, 4, 2, s6_core1_stage1_channels, s6_core1_stage1_runs};

// core1.stage1.blend.beta: 2x2x4, lines 6 to 7
static const uint16_t s7_core1_stage1_blend_beta_inputs[] = {6};
static const sf_scaling s7_core1_stage1_blend_beta = {2, 4, 0, 0, 0, -128, 127};

// frozen.stem: 4x3x4, lines 2 to 7
static const uint16_t s8_frozen_stem_inputs[] = {0};
static const uint16_t s8_frozen_stem_retires[] = {0};
static const sf_convolution s8_frozen_stem = {{.input_width = 6, .input_channels = 3, .output_width = 3, .output_channels = 4, .kernel_height = 3, .kernel_width = 3, .stride = 2, .dilation = 1, .left = 0, .groups = 1, .input_zero_point = 0, .output_zero_point = 0, .minimum = 0, .maximum = 127}, 0, core_c0c0c0c0_frozen_stem};

// frozen.stage1.unit1.right.depthwise: 2x2x4, lines 6 to 7
static const uint16_t s9_frozen_stage1_unit1_right_depthwise_inputs[] = {8};
static const sf_convolution s9_frozen_stage1_unit1_right_depthwise = {{.input_width = 3, .input_channels = 4, .output_width = 2, .output_channels = 4, .kernel_height = 3, .kernel_width = 3, .stride = 2, .dilation = 1, .left = 1, .groups = 1, .input_zero_point = 0, .output_zero_point = 0, .minimum = -128, .maximum = 127}, 0, core_c0c0c0c0_frozen_stage1_unit1_right_depthwise};

// frozen.stage1.unit1.right.pointwise: 2x2x2, lines 6 to 7
static const uint16_t s10_frozen_stage1_unit1_right_pointwise_inputs[] = {9};
static const sf_convolution s10_frozen_stage1_unit1_right_pointwise = {{.input_width = 2, .input_channels = 4, .output_width = 2, .output_channels = 2, .kernel_height = 1, .kernel_width = 1, .stride = 1, .dilation = 1, .left = 0, .groups = 1, .input_zero_point = 0, .output_zero_point = 0, .minimum = 0, .maximum = 127}, 0, core_c0c0c0c0_frozen_stage1_unit1_right_pointwise};

// frozen.stage1.unit1.left.depthwise: 2x2x4, lines 6 to 7
static const uint16_t s11_frozen_stage1_unit1_left_depthwise_inputs[] = {8};
static const uint16_t s11_frozen_stage1_unit1_left_depthwise_retires[] = {8};
static const sf_convolution s11_frozen_stage1_unit1_left_depthwise = {{.input_width = 3, .input_channels = 4, .output_width = 2, .output_channels = 4, .kernel_height = 3, .kernel_width = 3, .stride = 2, .dilation = 1, .left = 1, .groups = 1, .input_zero_point = 0, .output_zero_point = 0, .minimum = -128, .maximum = 127}, 0, core_c0c0c0c0_frozen_stage1_unit1_left_depthwise};

// frozen.stage1.unit1.left.pointwise: 2x2x2, lines 6 to 7
static const uint16_t s12_frozen_stage1_unit1_left_pointwise_inputs[] = {11};
static const sf_convolution s12_frozen_stage1_unit1_left_pointwise = {{.input_width = 2, .input_channels = 4, .output_width = 2, .output_channels = 2, .kernel_height = 1, .kernel_width = 1, .stride = 1, .dilation = 1, .left = 0, .groups = 1, .input_zero_point = 0, .output_zero_point = 0, .minimum = 0, .maximum = 127}, 0, core_c0c0c0c0_frozen_stage1_unit1_left_pointwise};

// frozen.stage1.unit2.worked: 2x2x2, lines 6 to 7
static const uint16_t s13_frozen_stage1_unit2_worked_inputs[] = {12, 10};
static const uint16_t s13_frozen_stage1_unit2_worked_channels[] = {2, 2};
static const sf_wire_run s13_frozen_stage1_unit2_worked_runs[] = {{0, 1, 0, 1, 1}, {1, 1, 1, 1, 1}};
static const sf_wiring s13_frozen_stage1_unit2_worked = {2, 2, 2, s13_frozen_stage1_unit2_worked_channels, s13_frozen_stage1_unit2_worked_runs};

// frozen.stage1.unit2.depthwise: 2x2x2, lines 7 to 8
static const uint16_t s14_frozen_stage1_unit2_depthwise_inputs[] = {13};
static const uint16_t s14_frozen_stage1_unit2_depthwise_retires[] = {13};
static const sf_convolution s14_frozen_stage1_unit2_depthwise = {{.input_width = 2, .input_channels = 2, .output_width = 2, .output_channels = 2, .kernel_height = 3, .kernel_width = 3, .stride = 1, .dilation = 1, .left = 1, .groups = 1, .input_zero_point = 0, .output_zero_point = 0, .minimum = -128, .maximum = 127}, 0, core_c0c0c0c0_frozen_stage1_unit2_depthwise};

// frozen.stage1.unit2.pointwise: 2x2x2, lines 7 to 8
static const uint16_t s15_frozen_stage1_unit2_pointwise_inputs[] = {14};
static const sf_convolution s15_frozen_stage1_unit2_pointwise = {{.input_width = 2, .input_channels = 2, .output_width = 2, .output_channels = 2, .kernel_height = 1, .kernel_width = 1, .stride = 1, .dilation = 1, .left = 0, .groups = 1, .input_zero_point = 0, .output_zero_point = 0, .minimum = 0, .maximum = 127}, 0, core_c0c0c0c0_frozen_stage1_unit2_pointwise};

// frozen.stage1.unit2.kept: 2x2x2, lines 6 to 7
static const uint16_t s16_frozen_stage1_unit2_kept_inputs[] = {12, 10};
static const uint16_t s16_frozen_stage1_unit2_kept_channels[] = {2, 2};
static const sf_wire_run s16_frozen_stage1_unit2_kept_runs[] = {{0, 0, 0, 1, 1}, {1, 0, 1, 1, 1}};
static const sf_wiring s16_frozen_stage1_unit2_kept = {2, 2, 2, s16_frozen_stage1_unit2_kept_channels, s16_frozen_stage1_unit2_kept_runs};

// frozen.stage1.unit2: 2x2x4, lines 7 to 8
static const uint16_t s17_frozen_stage1_unit2_inputs[] = {16, 15};
static const uint16_t s17_frozen_stage1_unit2_retires[] = {16};
static const uint16_t s17_frozen_stage1_unit2_channels[] = {2, 2};
static const sf_wire_run s17_frozen_stage1_unit2_runs[] = {{0, 0, 0, 2, 2}, {1, 0, 1, 2, 2}};
static const sf_wiring s17_frozen_stage1_unit2 = {2, 4, 2, s17_frozen_stage1_unit2_channels, s17_frozen_stage1_unit2_runs};

// core1.stage1.blend.alpha: 2x2x4, lines 7 to 8
static const uint16_t s18_core1_stage1_blend_alpha_inputs[] = {17};
static const sf_scaling s18_core1_stage1_blend_alpha = {2, 4, 0, 0, 0, -128, 127};

// core1.stage1.blend: 2x2x4, lines 7 to 8
static const uint16_t s19_core1_stage1_blend_inputs[] = {18, 7};
static const uint16_t s19_core1_stage1_blend_retires[] = {7};
static const sf_pairing s19_core1_stage1_blend = {8, {0, 0, 0, -128, 127}};

// head.task.pointwise: 2x2x2, lines 7 to 8
static const uint16_t s20_head_task_pointwise_inputs[] = {19};
static const sf_convolution s20_head_task_pointwise = {{.input_width = 2, .input_channels = 4, .output_width = 2, .output_channels = 2, .kernel_height = 1, .kernel_width = 1, .stride = 1, .dilation = 1, .left = 0, .groups = 1, .input_zero_point = 0, .output_zero_point = 5, .minimum = -128, .maximum = 127}, 1, NULL};

// head.task.activation: 2x2x2, lines 7 to 8
static const uint16_t s21_head_task_activation_inputs[] = {20};
static const sf_table s21_head_task_activation = {4};

// head.task.pool: 1x1x2, lines 8 to 8
static const uint16_t s22_head_task_pool_inputs[] = {20};
static const sf_whole_pool s22_head_task_pool = {{.input_width = 2, .input_channels = 2, .output_width = 1, .output_channels = 2, .kernel_height = 1, .kernel_width = 1, .stride = 1, .dilation = 1, .left = 0, .groups = 1, .input_zero_point = 5, .output_zero_point = 5, .minimum = -128, .maximum = 127}, 144};

// head.task.pool.activation: 1x1x2, lines 8 to 8
static const uint16_t s23_head_task_pool_activation_inputs[] = {22};
static const uint16_t s23_head_task_pool_activation_retires[] = {23};
static const sf_table s23_head_task_pool_activation = {2};

static const sf_stage stages[] = {
    {&sf_convolve, &s1_core1_stem, s1_core1_stem_inputs, NULL, NULL, 1, 0, 3, 2, 1, 0, 3, 8, 4, 1, 0, 84},
    {&sf_depthwise, &s2_core1_stage1_right_depthwise, s2_core1_stage1_right_depthwise_inputs, NULL, NULL, 1, 0, 3, 2, 1, 0, 3, 4, 2, 2, 0, 224},
    {&sf_convolve, &s3_core1_stage1_right_pointwise, s3_core1_stage1_right_pointwise_inputs, NULL, NULL, 1, 0, 1, 1, 1, 0, 1, 2, 2, 3, 0, 292},
    {&sf_depthwise, &s4_core1_stage1_left_depthwise, s4_core1_stage1_left_depthwise_inputs, s4_core1_stage1_left_depthwise_retires, NULL, 1, 1, 3, 2, 1, 0, 3, 4, 2, 4, 0, 316},
    {&sf_convolve, &s5_core1_stage1_left_pointwise, s5_core1_stage1_left_pointwise_inputs, NULL, NULL, 1, 0, 1, 1, 1, 0, 1, 2, 2, 5, 0, 384},
    {&sf_wire, &s6_core1_stage1, s6_core1_stage1_inputs, NULL, NULL, 2, 0, 1, 1, 1, 0, 1, 2, 2, 6, 0, 408},
    {&sf_scale, &s7_core1_stage1_blend_beta, s7_core1_stage1_blend_beta_inputs, NULL, NULL, 1, 0, 1, 1, 1, 0, 1, 2, 2, 7, 0, 408},
    {&sf_convolve, &s8_frozen_stem, s8_frozen_stem_inputs, s8_frozen_stem_retires, NULL, 1, 1, 3, 2, 1, 0, 3, 8, 4, 8, 0, 420},
    {&sf_depthwise, &s9_frozen_stage1_unit1_right_depthwise, s9_frozen_stage1_unit1_right_depthwise_inputs, NULL, NULL, 1, 0, 3, 2, 1, 0, 3, 4, 2, 9, 0, 452},
    {&sf_convolve, &s10_frozen_stage1_unit1_right_pointwise, s10_frozen_stage1_unit1_right_pointwise_inputs, NULL, NULL, 1, 0, 1, 1, 1, 0, 1, 2, 2, 10, 0, 484},
    {&sf_depthwise, &s11_frozen_stage1_unit1_left_depthwise, s11_frozen_stage1_unit1_left_depthwise_inputs, s11_frozen_stage1_unit1_left_depthwise_retires, NULL, 1, 1, 3, 2, 1, 0, 3, 4, 2, 11, 0, 500},
    {&sf_convolve, &s12_frozen_stage1_unit1_left_pointwise, s12_frozen_stage1_unit1_left_pointwise_inputs, NULL, NULL, 1, 0, 1, 1, 1, 0, 1, 2, 2, 12, 0, 532},
    {&sf_wire, &s13_frozen_stage1_unit2_worked, s13_frozen_stage1_unit2_worked_inputs, NULL, NULL, 2, 0, 1, 1, 1, 0, 1, 2, 2, 13, 0, 548},
    {&sf_depthwise, &s14_frozen_stage1_unit2_depthwise, s14_frozen_stage1_unit2_depthwise_inputs, s14_frozen_stage1_unit2_depthwise_retires, NULL, 1, 1, 3, 1, 1, 1, 2, 2, 2, 14, 0, 548},
    {&sf_convolve, &s15_frozen_stage1_unit2_pointwise, s15_frozen_stage1_unit2_pointwise_inputs, NULL, NULL, 1, 0, 1, 1, 1, 0, 1, 2, 2, 15, 0, 564},
    {&sf_wire, &s16_frozen_stage1_unit2_kept, s16_frozen_stage1_unit2_kept_inputs, NULL, NULL, 2, 0, 1, 1, 1, 0, 1, 2, 2, 16, 0, 580},
    {&sf_wire, &s17_frozen_stage1_unit2, s17_frozen_stage1_unit2_inputs, s17_frozen_stage1_unit2_retires, NULL, 2, 1, 1, 1, 1, 0, 1, 2, 2, 17, 0, 580},
    {&sf_scale, &s18_core1_stage1_blend_alpha, s18_core1_stage1_blend_alpha_inputs, NULL, NULL, 1, 0, 1, 1, 1, 0, 1, 2, 2, 18, 0, 580},
    {&sf_add, &s19_core1_stage1_blend, s19_core1_stage1_blend_inputs, s19_core1_stage1_blend_retires, NULL, 2, 1, 1, 1, 1, 0, 1, 2, 2, 19, 0, 592},
    {&sf_convolve, &s20_head_task_pointwise, s20_head_task_pointwise_inputs, NULL, NULL, 1, 0, 1, 1, 1, 0, 1, 2, 2, 20, 0, 616},
    {&sf_lookup, &s21_head_task_activation, s21_head_task_activation_inputs, NULL, NULL, 1, 0, 1, 1, 1, 0, 1, 2, 2, 21, 1, 644},
    {&sf_running_average, &s22_head_task_pool, s22_head_task_pool_inputs, NULL, NULL, 1, 0, 1, 1, 1, 0, 1, 2, 2, 22, 2, 900},
    {&sf_lookup, &s23_head_task_pool_activation, s23_head_task_pool_activation_inputs, s23_head_task_pool_activation_retires, NULL, 1, 1, 1, 1, 1, 0, 1, 1, 1, 23, 2, 900},
};

static const sf_output_tensor outputs[] = {{23, 2}, {21, 1}};
// head.task.pooling
static const sf_switch switches[] = {{0, 1}};
static const sf_condition conditions[] = {{0, 0, 0}, {0, 1, 1}};
static const uint32_t task_bytes[] = {1156, 1156};
static const sf_switching switching = {sf_check_switched, sf_is_met, sf_rest, switches, conditions, task_bytes, 1};

static const uint8_t digest_of_core[32] = {
    0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0,
    0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0
};
static const uint8_t digest_of_datapath[32] = {
    0xc4, 0x50, 0x83, 0x33, 0x39, 0x44, 0xbe, 0x82, 0xf8, 0x98, 0xbc, 0x19, 0xca, 0xf8, 0xa4, 0xb4,
    0x32, 0x96, 0xa1, 0x12, 0x0e, 0x11, 0x67, 0xff, 0xa6, 0xa1, 0x15, 0x19, 0x99, 0x09, 0x41, 0x91
};

#define TABLES \
  tensors, stages, outputs, 23, 2, TINY_TASK_BYTES, &switching, NULL, 0, \
      digest_of_core, digest_of_datapath

static sf_state state;
static uint16_t made[23 + 1];
static uint16_t steps[23];
static const int8_t *rows[3];
static SF_MEMORY_SECTION int32_t memory[TINY_MEMORY_BYTES / 4];

const sf_network tiny_network = {TABLES, &state, made, steps, rows, (int8_t *)memory};

const sf_network *tiny_begin(tiny_instance *instance) {
  const sf_network network = {TABLES, &instance->state, instance->made, instance->steps, instance->rows,
                              (int8_t *)instance->memory};
  const sf_state nothing = {0};
  instance->network = network;
  instance->state = nothing;
  return &instance->network;
}
