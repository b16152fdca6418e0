/*
 * offsets.c - the one truth that assembly, C and lint share.
 *
 * Compiled with -g and never linked. The build reads its DWARF: each structure here becomes
 * assembler symbols `STRUCT.MEMBER` and `STRUCT.sizeof`, each enumerator a symbol of its name.
 */
#include "abi/boot_protocol.h"
#include "abi/core.h"
#include "abi/frame.h"
#include "abi/layout.h"
#include "abi/probe.h"
#include "abi/processor.h"
#include "abi/syscall.h"
#include "abi/trampoline.h"
#include "abi/vectors.h"

struct frame abi_frame;
struct stack_start abi_stack_start;
struct core abi_core;
struct tss abi_tss;
struct trampoline abi_trampoline;
struct probe abi_probe;
struct idt_gate abi_idt_gate;
struct table_pointer abi_table_pointer;

enum layout abi_layout;
enum frame_constants abi_frame_constants;
enum vectors abi_vectors;
enum vector_sets abi_vector_sets;
enum ist abi_ist;
enum selectors abi_selectors;
enum control_bits abi_control_bits;
enum rflags_bits abi_rflags_bits;
enum msr abi_msr;
enum efer_bits abi_efer_bits;
enum cpuid_bits abi_cpuid_bits;
enum page_bits abi_page_bits;
enum gate_types abi_gate_types;
enum trampoline_constants abi_trampoline_constants;
enum boot_magic abi_boot_magic;
enum console_port abi_console_port;
enum exit_status abi_exit_status;
enum syscall abi_syscall;
