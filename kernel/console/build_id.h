/* build_id.h - the name that the linker gave to exactly this image, for whoever reads a log. */
#pragma once

/* Print the line `oro: build-id=…`; nothing if the linker made no build-id. Takes no lock but
 * printk's. */
void build_id_print(void);
