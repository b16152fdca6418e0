#include "firmware/topology.h"

#include "console/printk.h"
#include "firmware/acpi.h"
#include "firmware/mp_table.h"
#include "firmware/routing.h"

struct topology topology;

void topology_add_core(uint32_t apic_id)
{
    for (uint32_t i = 0; i < topology.core_count; i++) {
        if (topology.apic_ids[i] == apic_id)
            return;
    }
    if (topology.core_count == TOPOLOGY_CORES)
        topology.cores_beyond++;
    else
        topology.apic_ids[topology.core_count++] = apic_id;
}

void topology_read(void)
{
    uint64_t mp = mp_table_find();
    /* The IMCR is the MP table's to know, whoever lists the cores. */
    topology.has_imcr = mp_table_has_imcr(mp);
    topology.source = "none";
    routing_reset();
    uint64_t root = acpi_find_root();
    topology.hpet = acpi_read_hpet(root);
    if (acpi_read_madt(root)) {
        topology.source = "acpi";
        return;
    }
    routing_reset();
    if (mp_table_read(mp)) {
        topology.source = "mp";
        return;
    }
    routing_reset();
    printk("neither ACPI nor an MP table says which cores there are: this one is used\n");
}
