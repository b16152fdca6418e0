/* pong.c - sends each message back to where it came from, until an empty one comes. */
#include "user/user.h"

int main(void)
{
    struct message message;
    while (receive(&message) > 0) {
        if (send(message.sender, message.bytes, message.size) != 0)
            return 1;
    }
    return 0;
}
