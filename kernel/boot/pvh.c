#include "boot/pvh.h"

#include "abi/boot_protocol.h"
#include "abi/layout.h"
#include "boot/boot_info.h"
#include "lib/string.h"

struct hvm_start_info {
    uint32_t magic, version, flags, module_count;
    uint64_t modules, command_line, rsdp;
    /* since version 1 */
    uint64_t memory_map;
    uint32_t memory_map_count, reserved;
};

struct hvm_module {
    uint64_t base, size, command_line, reserved;
};

struct hvm_memory_entry {
    uint64_t base, size;
    uint32_t type, reserved;
};

bool pvh_read(uint64_t information)
{
    const struct hvm_start_info *info = phys_to_virt(information);
    if (info->magic != PVH_START_MAGIC || info->version < 1)
        return false;

    boot_info.rsdp = info->rsdp;
    string_copy(boot_info.loader, "PVH", sizeof(boot_info.loader));
    if (info->command_line)
        string_copy(boot_info.command_line, phys_to_virt(info->command_line),
                    sizeof(boot_info.command_line));
    const struct hvm_memory_entry *memory = phys_to_virt(info->memory_map);
    for (uint32_t i = 0; i < info->memory_map_count; i++)
        boot_info_add_memory(memory[i].base, memory[i].size, memory[i].type);
    const struct hvm_module *modules = phys_to_virt(info->modules);
    for (uint32_t i = 0; i < info->module_count; i++) {
        const char *name = modules[i].command_line ? phys_to_virt(modules[i].command_line) : "";
        boot_info_add_module(modules[i].base, modules[i].size, name);
    }
    return boot_info.memory_count != 0;
}
