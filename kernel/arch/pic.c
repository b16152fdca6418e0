#include "arch/pic.h"

#include "abi/vectors.h"
#include "arch/cpu.h"

enum pic_ports {
    MASTER_COMMAND = 0x20,
    MASTER_DATA = 0x21,
    SLAVE_COMMAND = 0xa0,
    SLAVE_DATA = 0xa1,
};

/* A write to an unused port gives an old controller time to settle. */
static void pic_write(uint16_t port, uint8_t value)
{
    outb(port, value);
    outb(0x80, 0);
}

void pic_disable(void)
{
    /* Intel 8259A data sheet, initialisation command words 1 to 4. */
    pic_write(MASTER_COMMAND, 0x11);
    pic_write(SLAVE_COMMAND, 0x11);
    pic_write(MASTER_DATA, VECTOR_PIC);
    pic_write(SLAVE_DATA, VECTOR_PIC + 8);
    pic_write(MASTER_DATA, 1 << 2);
    pic_write(SLAVE_DATA, 2);
    pic_write(MASTER_DATA, 1);
    pic_write(SLAVE_DATA, 1);
    pic_write(MASTER_DATA, 0xff);
    pic_write(SLAVE_DATA, 0xff);
}
