"""ELF constants, spelled as the specifications spell them.

Sources: System V gABI 4.1 and its current draft; System V ABI AMD64 psABI 1.0 (x86-64
relocation types, table 4.9); i386 psABI 1.1; `elf.h` of the GNU C library for the GNU extensions.
"""

from __future__ import annotations

from typing import Final

ELFMAG: Final = b"\x7fELF"

# e_ident indices
EI_CLASS: Final = 4
EI_DATA: Final = 5
EI_VERSION: Final = 6
EI_OSABI: Final = 7
ELFOSABI_NONE: Final = 0
ELFOSABI_GNU: Final = 3
EI_NIDENT: Final = 16

ELFCLASS32: Final = 1
ELFCLASS64: Final = 2
ELFDATA2LSB: Final = 1
ELFDATA2MSB: Final = 2
EV_CURRENT: Final = 1

ET_NONE: Final = 0
ET_REL: Final = 1
ET_EXEC: Final = 2
ET_DYN: Final = 3
ET_CORE: Final = 4

EM_386: Final = 3
EM_X86_64: Final = 62

PT_NULL: Final = 0
PT_LOAD: Final = 1
PT_DYNAMIC: Final = 2
PT_INTERP: Final = 3
PT_NOTE: Final = 4
PT_SHLIB: Final = 5
PT_PHDR: Final = 6
PT_TLS: Final = 7
PT_GNU_EH_FRAME: Final = 0x6474E550
PT_GNU_STACK: Final = 0x6474E551
PT_GNU_RELRO: Final = 0x6474E552
PT_GNU_PROPERTY: Final = 0x6474E553

PF_X: Final = 1
PF_W: Final = 2
PF_R: Final = 4

SHN_UNDEF: Final = 0
SHN_LORESERVE: Final = 0xFF00
SHN_ABS: Final = 0xFFF1
SHN_COMMON: Final = 0xFFF2
SHN_XINDEX: Final = 0xFFFF

SHT_NULL: Final = 0
SHT_PROGBITS: Final = 1
SHT_SYMTAB: Final = 2
SHT_STRTAB: Final = 3
SHT_RELA: Final = 4
SHT_HASH: Final = 5
SHT_DYNAMIC: Final = 6
SHT_NOTE: Final = 7
SHT_NOBITS: Final = 8
SHT_REL: Final = 9
SHT_SHLIB: Final = 10
SHT_DYNSYM: Final = 11
SHT_GNU_HASH: Final = 0x6FFFFFF6
SHT_INIT_ARRAY: Final = 14
SHT_FINI_ARRAY: Final = 15
SHT_PREINIT_ARRAY: Final = 16
SHT_GROUP: Final = 17
SHT_SYMTAB_SHNDX: Final = 18
SHT_RELR: Final = 19
SHT_LLVM_ADDRSIG: Final = 0x6FFF4C03
SHT_X86_64_UNWIND: Final = 0x70000001

SHF_WRITE: Final = 0x1
SHF_ALLOC: Final = 0x2
SHF_EXECINSTR: Final = 0x4
SHF_MERGE: Final = 0x10
SHF_STRINGS: Final = 0x20
SHF_INFO_LINK: Final = 0x40
SHF_LINK_ORDER: Final = 0x80
SHF_OS_NONCONFORMING: Final = 0x100
SHF_GROUP: Final = 0x200
SHF_TLS: Final = 0x400
SHF_COMPRESSED: Final = 0x800
ELFCOMPRESS_ZLIB: Final = 1
SHF_GNU_RETAIN: Final = 0x200000
SHF_GNU_MBIND: Final = 0x01000000
SHF_X86_64_LARGE: Final = 0x10000000
SHF_EXCLUDE: Final = 0x80000000

GRP_COMDAT: Final = 1

STB_LOCAL: Final = 0
STB_GLOBAL: Final = 1
STB_WEAK: Final = 2
STB_GNU_UNIQUE: Final = 10

STT_NOTYPE: Final = 0
STT_OBJECT: Final = 1
STT_FUNC: Final = 2
STT_SECTION: Final = 3
STT_FILE: Final = 4
STT_COMMON: Final = 5
STT_TLS: Final = 6
STT_GNU_IFUNC: Final = 10

STV_DEFAULT: Final = 0
STV_INTERNAL: Final = 1
STV_HIDDEN: Final = 2
STV_PROTECTED: Final = 3

R_X86_64_NONE: Final = 0
R_X86_64_64: Final = 1
R_X86_64_PC32: Final = 2
R_X86_64_GOT32: Final = 3
R_X86_64_PLT32: Final = 4
R_X86_64_COPY: Final = 5
R_X86_64_GLOB_DAT: Final = 6
R_X86_64_JUMP_SLOT: Final = 7
R_X86_64_RELATIVE: Final = 8
R_X86_64_GOTPCREL: Final = 9
R_X86_64_32: Final = 10
R_X86_64_32S: Final = 11
R_X86_64_16: Final = 12
R_X86_64_PC16: Final = 13
R_X86_64_8: Final = 14
R_X86_64_PC8: Final = 15
R_X86_64_DTPMOD64: Final = 16
R_X86_64_DTPOFF64: Final = 17
R_X86_64_TPOFF64: Final = 18
R_X86_64_TLSGD: Final = 19
R_X86_64_TLSLD: Final = 20
R_X86_64_DTPOFF32: Final = 21
R_X86_64_GOTTPOFF: Final = 22
R_X86_64_TPOFF32: Final = 23
R_X86_64_PC64: Final = 24
R_X86_64_GOTOFF64: Final = 25
R_X86_64_GOTPC32: Final = 26
R_X86_64_GOT64: Final = 27
R_X86_64_GOTPCREL64: Final = 28
R_X86_64_GOTPC64: Final = 29
R_X86_64_GOTPLT64: Final = 30
R_X86_64_PLTOFF64: Final = 31
R_X86_64_SIZE32: Final = 32
R_X86_64_SIZE64: Final = 33
R_X86_64_GOTPC32_TLSDESC: Final = 34
R_X86_64_TLSDESC_CALL: Final = 35
R_X86_64_TLSDESC: Final = 36
R_X86_64_IRELATIVE: Final = 37
R_X86_64_RELATIVE64: Final = 38
R_X86_64_GOTPCRELX: Final = 41
R_X86_64_REX_GOTPCRELX: Final = 42

R_386_NONE: Final = 0
R_386_32: Final = 1
R_386_PC32: Final = 2
R_386_GOT32: Final = 3
R_386_PLT32: Final = 4
R_386_COPY: Final = 5
R_386_GLOB_DAT: Final = 6
R_386_JMP_SLOT: Final = 7
R_386_RELATIVE: Final = 8
R_386_GOTOFF: Final = 9
R_386_GOTPC: Final = 10
R_386_TLS_TPOFF: Final = 14
R_386_TLS_IE: Final = 15
R_386_TLS_GOTIE: Final = 16
R_386_TLS_LE: Final = 17
R_386_TLS_GD: Final = 18
R_386_TLS_LDM: Final = 19
R_386_16: Final = 20
R_386_PC16: Final = 21
R_386_8: Final = 22
R_386_PC8: Final = 23
R_386_TLS_LDO_32: Final = 32
R_386_TLS_LE_32: Final = 34
R_386_SIZE32: Final = 38
R_386_TLS_GOTDESC: Final = 39
R_386_TLS_DESC_CALL: Final = 40
R_386_IRELATIVE: Final = 42
R_386_GOT32X: Final = 43

# sizes of the on-disk structures, by ei_class
EHDR_SIZE: Final = {ELFCLASS32: 52, ELFCLASS64: 64}
PHDR_SIZE: Final = {ELFCLASS32: 32, ELFCLASS64: 56}
SHDR_SIZE: Final = {ELFCLASS32: 40, ELFCLASS64: 64}
SYM_SIZE: Final = {ELFCLASS32: 16, ELFCLASS64: 24}
REL_SIZE: Final = {ELFCLASS32: 8, ELFCLASS64: 16}
RELA_SIZE: Final = {ELFCLASS32: 12, ELFCLASS64: 24}
