#include "console/exit.h"

#include "arch/cpu.h"
#include "console/serial.h"
#include "smp/stop.h"

_Noreturn void machine_exit(enum exit_status status)
{
    serial_drain();
    outl(EXIT_PORT, status);
    stop_others(); /* there is no such device: the machine stays, and nobody runs */
    cpu_halt();
}
