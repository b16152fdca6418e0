/* The files of the boot medium: those inside the loader's own executable if it has some, else
 * those of the volume that it was started from. */
#include "loader.h"

#define PATH_MAX 260

static struct archive archive, found;
static bool has_archive;
static struct efi_file *root, *opened;

void files_open(void)
{
    static const struct efi_guid image_guid = EFI_LOADED_IMAGE_GUID;
    static const struct efi_guid file_system_guid = EFI_FILE_SYSTEM_GUID;
    struct efi_loaded_image *image;
    struct efi_file_system *file_system;
    void *interface;
    fatal_subject = "boot-volume";
    if (firmware->boot->handle_protocol(image_handle, &image_guid, &interface))
        fatal("firmware", "The firmware does not say where the loader came from.");
    image = interface;
    fatal_subject = "BOOTX64.EFI";
    seal_check(image->image_base);
    fatal_subject = "boot-volume";
    has_archive = archive_find(image->image_base, image->image_size, &archive);
    if (!has_archive) {
        if (!image->device ||
            firmware->boot->handle_protocol(image->device, &file_system_guid, &interface))
            fatal("volume-format", "The loader did not come from a volume that the firmware reads.");
        file_system = interface;
        if (file_system->open_volume(file_system, &root))
            fatal("volume-format", "The firmware cannot open the volume that the loader came from.");
    }
    say("oro: loader=uefi medium=");
    say(has_archive ? "inside\r\n" : "volume\r\n");
    fatal_subject = NULL;
}

/* The size of the file that is open; false if it is a directory. */
static bool opened_size(uint64_t *size)
{
    static const struct efi_guid info_guid = EFI_FILE_INFO_GUID;
    static union {
        struct efi_file_info info;
        uint8_t bytes[1024];
    } buffer;
    uint64_t length = sizeof(buffer);
    if (opened->get_info(opened, &info_guid, &length, &buffer))
        return false;
    *size = buffer.info.file_size;
    return !(buffer.info.attribute & EFI_FILE_DIRECTORY);
}

bool file_find(const char *path, uint64_t *size)
{
    uint16_t name[PATH_MAX];
    size_t length = 0;
    if (has_archive) {
        if (!archive_file(&archive, path, &found))
            return false;
        *size = found.size;
        return true;
    }
    for (; (uint8_t)path[length] > ' '; length++) {
        if (length == PATH_MAX - 1)
            return false;
        name[length] = path[length] == '/' ? '\\' : (uint8_t)path[length];
    }
    name[length] = 0;
    if (root->open(root, &opened, name, EFI_FILE_MODE_READ, 0))
        return false;
    if (opened_size(size))
        return true;
    opened->close(opened);
    return false;
}

void file_read(void *buffer, uint64_t size)
{
    uint8_t *to = buffer;
    if (has_archive) {
        memcpy(buffer, found.data, size);
        return;
    }
    while (size) {
        uint64_t part = size;
        efi_status status = opened->read(opened, &part, to);
        if (status || !part || part > size) {
            say("\r\noro: loader=uefi efi-status=");
            say_hex(status);
            fatal("disk-read", "The firmware cannot read the boot volume.");
        }
        to += part;
        size -= part;
    }
    opened->close(opened);
}
