// Which kernels are compiled in. Only this file asks what the compiler builds for; all others ask
// the macros that it defines.
//
//   SF_MVE   1: arm_mve/*_mve.c   Arm's MVE or Helium: Cortex-M52, M55, M85
//   SF_DSP   1: arm_dsp/*_dsp.c   Arm's DSP extension: Cortex-M4, M7, M33
//   SF_AVX   256 or 512: x86_avx/*_avx.c, vectors of so many bits: x86-64 with AVX2 or AVX-512 VNNI
//   SF_VNNI  1: of these, with products of four bytes a lane
//   SF_SIMD128  1: wasm_simd/*_simd.c  WebAssembly with vectors of 128 bits
//   all 0:   portable/*.c         any processor
//
// The file that a function comes from:
//
//                            SF_MVE    SF_DSP    SF_AVX    SF_SIMD128  all 0
//   sf_convolve_row          _mve.c    _dsp.c    _avx.c    _simd.c     sf_convolve_row.c
//   sf_convolve_widened_row  portable  _dsp.c    portable  portable    sf_convolve_widened_row.c
//   sf_depthwise_row         _mve.c    _dsp.c *  _avx.c *  _simd.c     sf_depthwise_row.c
//   sf_multiplied_row        portable  as sf_convolve_row              sf_multiplied_row.c
//   sf_add_row, _multiply_,
//     sf_scale_row           _mve.c    _dsp.c *  _avx.c *  portable    sf_elementwise_rows.c
//   sf_lookup_row            _mve.c    portable  portable  portable    sf_elementwise_rows.c
//   sf_copy_channels         _mve.c    portable  _avx.c    portable    sf_copy_channels.c
//   all others               portable  portable  portable  portable
//
//   * The portable kernel does what this one leaves: unusual windows and factors.
#ifndef SF_KERNEL_SET_H_
#define SF_KERNEL_SET_H_

// All sets but the portable one need vectors or assembler as gcc and clang spell them.
#if defined(__GNUC__) && defined(__ARM_FEATURE_MVE)
#define SF_MVE 1
#else
#define SF_MVE 0
#endif

#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_UNALIGNED) && !SF_MVE
#define SF_DSP 1
#else
#define SF_DSP 0
#endif

#if !defined(__GNUC__) || !defined(__x86_64__)
#define SF_AVX 0
#elif defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512VNNI__)
#define SF_AVX 512
#elif defined(__AVX2__)
#define SF_AVX 256
#else
#define SF_AVX 0
#endif

#if SF_AVX && (defined(__AVXVNNI__) || (defined(__AVX512VNNI__) && defined(__AVX512VL__)))
#define SF_VNNI 1
#else
#define SF_VNNI 0
#endif

#if defined(__GNUC__) && defined(__wasm_simd128__)
#define SF_SIMD128 1
#else
#define SF_SIMD128 0
#endif

// The name of the set. A build that was to be fast can require one: #if !SF_MVE, #error. What the
// library itself was compiled with, sf_kernels_used() says.
#if SF_MVE
#define SF_KERNELS "arm_mve"
#elif SF_DSP
#define SF_KERNELS "arm_dsp"
#elif SF_AVX == 512
#define SF_KERNELS "avx512_vnni"
#elif SF_AVX && SF_VNNI
#define SF_KERNELS "avx_vnni"
#elif SF_AVX
#define SF_KERNELS "avx2"
#elif SF_SIMD128
#define SF_KERNELS "wasm_simd"
#else
#define SF_KERNELS "portable"
#endif

#endif  // SF_KERNEL_SET_H_
