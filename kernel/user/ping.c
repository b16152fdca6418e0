/* ping.c - two processes and the message queue between them: one message that comes back, many
 * times; then more messages than an inbox holds, so that senders have to wait too. */
#include "user/user.h"

enum { ROUNDS = 50, BURST = 4 * INBOX_MAX };

static bool is_reply(const struct message *message, int64_t sender, uint64_t number)
{
    return message->sender == (uint64_t)sender && message->size == sizeof(number) &&
           *(const uint64_t *)message->bytes == number;
}

int main(void)
{
    static struct message reply;
    int64_t pong = spawn("pong");
    for (uint64_t round = 0; round < ROUNDS; round++) {
        if (send(pong, &round, sizeof(round)) != 0 || receive(&reply) != sizeof(round))
            return 1;
        if (!is_reply(&reply, pong, round))
            return 2;
    }
    /* Both inboxes full and both waiting for each other would last for ever: that many may be under
     * way, no more. */
    uint64_t sent = 0, received = 0;
    while (received < BURST) {
        while (sent < BURST && sent - received < 2 * INBOX_MAX) {
            if (send(pong, &sent, sizeof(sent)) != 0)
                return 3;
            sent++;
        }
        if (receive(&reply) != sizeof(received) || !is_reply(&reply, pong, received))
            return 4;
        received++;
    }
    send(pong, "", 0);
    return wait_for(pong) == 0 ? 0 : 5;
}
