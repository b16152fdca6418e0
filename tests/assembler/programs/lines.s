#### rows
.file 1 "a/x.c"
.file 2 "b/y.c"
.section .debug_info,"",@progbits
.long 1
.text
.loc 1 5
nop
.loc 2 7 3
nop
.loc 2 0
nop
.loc 1 8 1 is_stmt 0 discriminator 3
jmp f
.loc 1 300 2 prologue_end
nop
f: .loc 1 10 1 is_stmt 1 epilogue_begin basic_block
.loc 1 11
.skip 300
nop
#### rows in several sections
.file 0 "dir" "x.c" md5 0x00112233445566778899aabbccddeeff
.file 1 "dir" "y.h" md5 0x102132435465768798a9bacbdcedfe0f
.file 2 "/abs/z.h"
.section .debug_info,"",@progbits
.long 1
.section .text.b,"ax"
.loc 0 5
nop
.text
.loc 1 6
nop
.section .text.b
.loc 2 7
nop
#### views
.file 1 "x.c"
.section .debug_info,"",@progbits
.long 1
.uleb128 .LV1
.uleb128 .LV2
.uleb128 .LV3
.text
.loc 1 5 1 view .LV1
.loc 1 6 1 view .LV2
nop
.loc 1 7 1 view .LV3
nop
.loc 1 8 1 view -0
#### a file number without a name
.file 3 "x"
.loc 3 1
nop
#### files without rows
.file 1 "x.c"
.section .debug_info,"",@progbits
.long 1
#### a line table of its own
.section .debug_line,"",@progbits
.long 1
.text
.file 1 "x"
.loc 1 5
nop
#### rows without debug information of the file's own
.file 1 "dir/foo.c"
.text
.globl f
.type f,@function
f: .loc 1 3 1
.nop
.nop 16
.loc 1 4
.nops 12
.size f, .-f
#### rows and local functions only
.file 1 "foo.c"
.text
.type f,@function
f: .loc 1 3 1
nop
.size f, .-f
#### a row that is said to be the first at its address
.file 1 "foo.c"
.text
f: .loc 1 1 view 0
.loc 1 2 view 0
nop
#### .file "/a.c": a file in the root
.file 1 "/a.c"
.file 2 "b/c.c"
.text
.loc 1 1
nop
.loc 2 1
nop
