/* frame.c - what assembly shares with C: the layout of each structure and the enumerators of each
 * type that is declared here become symbols, such as frame.rip and VECTORS. */
#include "frame.h"

struct frame shared_frame;
enum vector_constants shared_vectors;
