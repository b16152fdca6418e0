/* shell.c - commands from the serial port and the keyboard. `shell` on the kernel's command line
 * starts it instead of the demo, and gives it the console. */
#include "user/user.h"

enum { LINE = 160 }; /* a line that is typed is shorter */

static void help(char *words);

static void ps(char *words)
{
    (void)words;
    struct process_info info;
    put("  PID PARENT THREADS NAME\n");
    for (int64_t at = 0; (at = user_syscall(SYSCALL_PROCESS_INFO, (uint64_t)at, (uint64_t)&info)) > 0;)
        put("%5u %6u %7u %s%s\n", info.pid, info.parent, info.threads, info.name,
            info.ended ? " (ended)" : "");
}

static void tell_end(int64_t pid, int64_t status)
{
    if (status == ERROR_KILLED)
        put("%ld was killed\n", pid);
    else
        put("%ld ended with status %ld\n", pid, status);
}

static void run(char *words)
{
    const char *name = next_word(&words);
    const char *last = next_word(&words);
    bool behind = false;
    uint64_t argument = 0;
    if (last && !parse_number(last, &argument)) {
        behind = string_equal(last, "&");
        if (!behind)
            name = NULL;
    }
    if (!name) {
        put("run PROGRAM [NUMBER | &]\n");
        return;
    }
    int64_t pid = spawn_with(name, argument);
    if (pid == ERROR_NO_PROGRAM)
        put("there is no program '%s'; 'programs' lists them\n", name);
    else if (pid < 0)
        put("'%s' could not be started: error %ld\n", name, pid);
    else if (behind)
        put("%ld runs\n", pid);
    else
        tell_end(pid, wait_for(pid));
}

static void kill(char *words)
{
    const char *word = next_word(&words);
    uint64_t pid;
    if (!word || !parse_number(word, &pid)) {
        put("kill PID\n");
        return;
    }
    if (user_syscall(SYSCALL_KILL, pid, 0) != 0)
        put("%lu is no child of this shell\n", pid);
    else
        tell_end((int64_t)pid, wait_for((int64_t)pid));
}

static void mem(char *words)
{
    enum { KIB_PER_FRAME = 4 };
    (void)words;
    struct memory_info info;
    user_syscall(SYSCALL_MEMORY_INFO, (uint64_t)&info, 0);
    put("%lu KiB of %lu KiB are free\n", info.free * KIB_PER_FRAME, info.frames * KIB_PER_FRAME);
}

static void cores(char *words)
{
    (void)words;
    struct core_info info;
    put("CORE APIC      TICKS THREADS RUNS\n");
    for (uint64_t i = 0; user_syscall(SYSCALL_CORE_INFO, i, (uint64_t)&info) == 0; i++)
        put("%4lu %4u %10lu %7lu %4u\n", i, info.apic_id, info.ticks, info.threads, info.pid);
}

static void programs(char *words)
{
    (void)words;
    char name[NAME_MAX];
    for (uint64_t i = 0; user_syscall(SYSCALL_PROGRAM_NAME, i, (uint64_t)name) > 0; i++)
        put("%s%s", i % 6 ? " " : i ? "\n" : "", name);
    put("\n");
}

static const struct command {
    const char *name, *does;
    void (*run)(char *words);
} commands[] = {
    {"help", "this list", help},
    {"ps", "the processes", ps},
    {"run", "PROGRAM [NUMBER | &]: starts a program; waits for its end, unless &; ^C ends it", run},
    {"kill", "PID: ends a child of this shell", kill},
    {"mem", "the memory", mem},
    {"cores", "the cores", cores},
    {"programs", "what can be run", programs},
};

static void help(char *words)
{
    (void)words;
    for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        put("%8s  %s\n", commands[i].name, commands[i].does);
    put("    exit  ends the shell\n");
}

static void obey(const char *name, char *words)
{
    for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (string_equal(commands[i].name, name)) {
            commands[i].run(words);
            return;
        }
    }
    put("there is no command '%s'; 'help' lists them\n", name);
}

int main(void)
{
    char line[LINE];
    put("Oro. 'help' lists the commands.\n");
    for (;;) {
        put("oro> ");
        if (!read_line(line, sizeof(line)))
            return 0;
        char *words = line;
        const char *name = next_word(&words);
        if (name && string_equal(name, "exit"))
            return 0;
        if (name)
            obey(name, words);
    }
}
