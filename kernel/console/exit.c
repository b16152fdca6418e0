#include "console/exit.h"

#include "abi/boot_protocol.h"
#include "arch/cpu.h"
#include "console/serial.h"

_Noreturn void machine_exit(enum exit_status status)
{
    serial_drain();
    outl(EXIT_PORT, status);
    cpu_halt();
}
