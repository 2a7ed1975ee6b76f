# CMake's toolchain for QEMU's mps2-an386, a Cortex-M4 with FPU.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR cortex-m4)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_CXX_COMPILER arm-none-eabi-g++)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY) # a program needs BOARD_SOURCES
set(BOARD_FLAGS "-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -ffunction-sections -fdata-sections -DSF_BOARD_MPS2")
set(CMAKE_C_FLAGS_INIT "${BOARD_FLAGS}")
set(CMAKE_CXX_FLAGS_INIT "${BOARD_FLAGS}")
set(CMAKE_EXE_LINKER_FLAGS_INIT
    "--specs=rdimon.specs -nostartfiles -L${CMAKE_CURRENT_LIST_DIR} -Tmps2.ld -Wl,--gc-sections")
set(BOARD_SOURCES "${CMAKE_CURRENT_LIST_DIR}/startup.c")
