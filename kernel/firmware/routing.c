#include "firmware/routing.h"

#include "lib/string.h"

struct routing routing;

enum { POLARITY_MASK = 3, POLARITY_LOW = 3, TRIGGER_MASK = 3 << 2, TRIGGER_LEVEL = 3 << 2 };

void routing_reset(void)
{
    memset(&routing, 0, sizeof(routing));
    for (uint32_t irq = 0; irq < ROUTING_ISA_LINES; irq++)
        routing.lines[irq].gsi = irq;
}

void routing_add_ioapic(uint32_t address, uint32_t first_gsi, uint8_t id)
{
    if (address == 0 || routing.ioapic_count == ROUTING_IOAPICS)
        return;
    routing.ioapics[routing.ioapic_count++] = (struct routing_ioapic){address, first_gsi, id};
}

void routing_override(uint8_t irq, uint32_t gsi, uint16_t flags)
{
    if (irq >= ROUTING_ISA_LINES)
        return;
    routing.lines[irq] = (struct routing_line){
        .gsi = gsi,
        .active_low = (flags & POLARITY_MASK) == POLARITY_LOW,
        .level = (flags & TRIGGER_MASK) == TRIGGER_LEVEL,
    };
}
