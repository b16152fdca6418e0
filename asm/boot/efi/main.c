/* The UEFI loader: entry, and the order in which things happen. */
#include "loader.h"

efi_handle image_handle;
struct efi_system_table *firmware;

/* The first byte of a global variable (UEFI 2.10, section 3.3); false if there is none. */
static bool global_variable(const uint16_t *name, uint8_t *value)
{
    static const struct efi_guid global = EFI_GLOBAL_VARIABLE_GUID;
    uint64_t size = sizeof(*value);
    return firmware->runtime->get_variable(name, &global, NULL, &size, value) == EFI_SUCCESS;
}

static enum secure_boot secure_boot_state(void)
{
    static const uint16_t secure_boot[] = {'S', 'e', 'c', 'u', 'r', 'e', 'B', 'o', 'o', 't', 0};
    static const uint16_t setup_mode[] = {'S', 'e', 't', 'u', 'p', 'M', 'o', 'd', 'e', 0};
    uint8_t on, setup;
    if (!global_variable(secure_boot, &on))
        return SECURE_BOOT_UNKNOWN;
    if (on)
        return SECURE_BOOT_ON;
    return global_variable(setup_mode, &setup) && setup ? SECURE_BOOT_SETUP : SECURE_BOOT_OFF;
}

EFIAPI efi_status efi_main(efi_handle image, struct efi_system_table *table)
{
    static const char *const states[] = {"unknown", "off", "on", "setup-mode"};
    uint8_t framebuffer[FRAMEBUFFER_TAG_SIZE];
    image_handle = image;
    firmware = table;
    firmware->boot->set_watchdog_timer(0, 0, 0, NULL); /* a menu may be looked at for a while */
    console_init();
    enum secure_boot secure_boot = secure_boot_state();
    say("\r\noro: loader=uefi secure-boot=");
    say(states[secure_boot]);
    say(" firmware=\"");
    say_utf16(firmware->firmware_vendor);
    say("\"\r\n");
    files_open();
    config_open();
    uint32_t entry = menu_choose();
    kernel_load(entry);
    information_begin(entry);
    modules_load(entry);
    information_machine(secure_boot);
    fatal_subject = kernel.path;
    if (graphics_set(kernel_header(), framebuffer))
        information_screen(framebuffer);
    fatal_subject = NULL;
    kernel_enter();
}
