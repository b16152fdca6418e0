/* What the loader uses of the UEFI specification 2.10, in its own names and order. Members that
 * it does not use keep their place as `void *`. */
#ifndef UEFI_H
#define UEFI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EFIAPI __attribute__((ms_abi))

typedef uint64_t efi_status;
typedef void *efi_handle;

#define EFI_ERROR_BIT         (UINT64_C(1) << 63)
#define EFI_SUCCESS           UINT64_C(0)
#define EFI_LOAD_ERROR        (EFI_ERROR_BIT | 1)
#define EFI_INVALID_PARAMETER (EFI_ERROR_BIT | 2)
#define EFI_NOT_FOUND         (EFI_ERROR_BIT | 14)

struct efi_guid {
    uint32_t data1;
    uint16_t data2, data3;
    uint8_t data4[8];
};

struct efi_table_header {
    uint64_t signature;
    uint32_t revision, header_size, crc32, reserved;
};

/* Section 12.4: simple text output. */
struct efi_text_output {
    void *reset;
    EFIAPI efi_status (*output_string)(struct efi_text_output *self, const uint16_t *string);
    void *test_string, *query_mode, *set_mode, *set_attribute;
    EFIAPI efi_status (*clear_screen)(struct efi_text_output *self);
};

struct efi_input_key {
    uint16_t scan_code, unicode_char;
};

#define SCAN_UP   1
#define SCAN_DOWN 2

/* Section 12.3: simple text input. */
struct efi_text_input {
    void *reset;
    EFIAPI efi_status (*read_key_stroke)(struct efi_text_input *self, struct efi_input_key *key);
    void *wait_for_key;
};

/* Section 7.2: memory allocation services. */
enum efi_memory_type {
    EFI_RESERVED,
    EFI_LOADER_CODE,
    EFI_LOADER_DATA,
    EFI_BOOT_SERVICES_CODE,
    EFI_BOOT_SERVICES_DATA,
    EFI_RUNTIME_SERVICES_CODE,
    EFI_RUNTIME_SERVICES_DATA,
    EFI_CONVENTIONAL,
    EFI_UNUSABLE,
    EFI_ACPI_RECLAIM,
    EFI_ACPI_NVS,
    EFI_MMIO,
    EFI_MMIO_PORT,
    EFI_PAL_CODE,
    EFI_PERSISTENT,
};

enum efi_allocate_type {
    EFI_ALLOCATE_ANY_PAGES,
    EFI_ALLOCATE_MAX_ADDRESS,
    EFI_ALLOCATE_ADDRESS,
};

#define EFI_PAGE_SIZE UINT64_C(4096)

struct efi_memory_descriptor {
    uint32_t type, pad;
    uint64_t physical_start, virtual_start, pages, attribute;
};

struct efi_boot_services {
    struct efi_table_header header;
    void *raise_tpl, *restore_tpl;
    EFIAPI efi_status (*allocate_pages)(enum efi_allocate_type type, uint32_t memory_type,
                                        uint64_t pages, uint64_t *address);
    EFIAPI efi_status (*free_pages)(uint64_t address, uint64_t pages);
    EFIAPI efi_status (*get_memory_map)(uint64_t *size, void *map, uint64_t *key,
                                        uint64_t *descriptor_size, uint32_t *version);
    void *allocate_pool, *free_pool;
    void *create_event, *set_timer, *wait_for_event, *signal_event, *close_event, *check_event;
    void *install_protocol_interface, *reinstall_protocol_interface;
    void *uninstall_protocol_interface;
    EFIAPI efi_status (*handle_protocol)(efi_handle handle, const struct efi_guid *protocol,
                                         void **interface);
    void *reserved, *register_protocol_notify;
    void *locate_handle, *locate_device_path, *install_configuration_table;
    void *load_image, *start_image;
    EFIAPI efi_status (*exit)(efi_handle image, efi_status status, uint64_t size, uint16_t *data);
    void *unload_image;
    EFIAPI efi_status (*exit_boot_services)(efi_handle image, uint64_t map_key);
    void *get_next_monotonic_count;
    EFIAPI efi_status (*stall)(uint64_t microseconds);
    EFIAPI efi_status (*set_watchdog_timer)(uint64_t seconds, uint64_t code, uint64_t size,
                                            uint16_t *data);
    void *connect_controller, *disconnect_controller;
    void *open_protocol, *close_protocol, *open_protocol_information;
    void *protocols_per_handle;
    EFIAPI efi_status (*locate_handle_buffer)(uint32_t search_type, const struct efi_guid *protocol,
                                              void *key, uint64_t *count, efi_handle **handles);
};

#define EFI_BY_PROTOCOL 2 /* search_type */

struct efi_runtime_services {
    struct efi_table_header header;
    void *get_time, *set_time, *get_wakeup_time, *set_wakeup_time;
    void *set_virtual_address_map, *convert_pointer;
    EFIAPI efi_status (*get_variable)(const uint16_t *name, const struct efi_guid *vendor,
                                      uint32_t *attributes, uint64_t *size, void *data);
};

struct efi_configuration_table {
    struct efi_guid guid;
    void *table;
};

struct efi_system_table {
    struct efi_table_header header;
    uint16_t *firmware_vendor;
    uint32_t firmware_revision;
    efi_handle console_in_handle;
    struct efi_text_input *con_in;
    efi_handle console_out_handle;
    struct efi_text_output *con_out;
    efi_handle standard_error_handle;
    struct efi_text_output *std_err;
    struct efi_runtime_services *runtime;
    struct efi_boot_services *boot;
    uint64_t configuration_table_count;
    struct efi_configuration_table *configuration_tables;
};

/* Section 9.1. */
struct efi_loaded_image {
    uint32_t revision;
    efi_handle parent;
    struct efi_system_table *system_table;
    efi_handle device;
    void *file_path, *reserved;
    uint32_t load_options_size;
    void *load_options;
    uint8_t *image_base;
    uint64_t image_size;
};

/* Section 13.5. */
struct efi_file {
    uint64_t revision;
    EFIAPI efi_status (*open)(struct efi_file *self, struct efi_file **opened, const uint16_t *name,
                              uint64_t mode, uint64_t attributes);
    EFIAPI efi_status (*close)(struct efi_file *self);
    void *delete;
    EFIAPI efi_status (*read)(struct efi_file *self, uint64_t *size, void *buffer);
    void *write, *get_position, *set_position;
    EFIAPI efi_status (*get_info)(struct efi_file *self, const struct efi_guid *type,
                                  uint64_t *size, void *buffer);
};

#define EFI_FILE_MODE_READ UINT64_C(1)
#define EFI_FILE_DIRECTORY UINT64_C(0x10)

struct efi_file_info {
    uint64_t size, file_size, physical_size;
    uint8_t create_time[16], last_access_time[16], modification_time[16];
    uint64_t attribute;
    uint16_t file_name[];
};

/* Section 13.4. */
struct efi_file_system {
    uint64_t revision;
    EFIAPI efi_status (*open_volume)(struct efi_file_system *self, struct efi_file **root);
};

/* Section 12.9. */
enum efi_pixel_format {
    EFI_PIXEL_RGBX,
    EFI_PIXEL_BGRX,
    EFI_PIXEL_MASK,
    EFI_PIXEL_BLT_ONLY,
};

struct efi_graphics_mode_info {
    uint32_t version, width, height, format;
    uint32_t mask[4]; /* red, green, blue, reserved */
    uint32_t pixels_per_line;
};

struct efi_graphics_mode {
    uint32_t max_mode, mode;
    struct efi_graphics_mode_info *info;
    uint64_t info_size, framebuffer, framebuffer_size;
};

struct efi_graphics_output {
    EFIAPI efi_status (*query_mode)(struct efi_graphics_output *self, uint32_t number,
                                    uint64_t *info_size, struct efi_graphics_mode_info **info);
    EFIAPI efi_status (*set_mode)(struct efi_graphics_output *self, uint32_t number);
    void *blt;
    struct efi_graphics_mode *mode;
};

#define EFI_GUID(a, b, c, ...) \
    { \
        a, b, c, { __VA_ARGS__ } \
    }
#define EFI_LOADED_IMAGE_GUID \
    EFI_GUID(0x5b1b31a1, 0x9562, 0x11d2, 0x8e, 0x3f, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b)
#define EFI_FILE_SYSTEM_GUID \
    EFI_GUID(0x964e5b22, 0x6459, 0x11d2, 0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b)
#define EFI_FILE_INFO_GUID \
    EFI_GUID(0x09576e92, 0x6d3f, 0x11d2, 0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b)
#define EFI_GRAPHICS_OUTPUT_GUID \
    EFI_GUID(0x9042a9de, 0x23dc, 0x4a38, 0x96, 0xfb, 0x7a, 0xde, 0xd0, 0x80, 0x51, 0x6a)
#define EFI_GLOBAL_VARIABLE_GUID \
    EFI_GUID(0x8be4df61, 0x93ca, 0x11d2, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c)
#define EFI_ACPI_20_GUID \
    EFI_GUID(0x8868e871, 0xe4f1, 0x11d3, 0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81)
#define EFI_ACPI_GUID \
    EFI_GUID(0xeb9d2d30, 0x2d88, 0x11d3, 0x9a, 0x16, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d)
#define EFI_SMBIOS3_GUID \
    EFI_GUID(0xf2fd1544, 0x9794, 0x4a2c, 0x99, 0x2e, 0xe5, 0xbb, 0xcf, 0x20, 0xe3, 0x94)
#define EFI_SMBIOS_GUID \
    EFI_GUID(0xeb9d2d31, 0x2d88, 0x11d3, 0x9a, 0x16, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d)

#endif
