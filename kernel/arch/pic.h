/*
 * pic.h - the two 8259 interrupt controllers: moved away from the exception vectors and masked.
 */
#pragma once

void pic_disable(void);
