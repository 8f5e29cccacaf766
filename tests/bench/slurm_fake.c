/* Slurm's reading commands for the benchmark: they print prepared text, whatever they are called, at next to no cost.

   Beside the program lie tables (`queue.tab`, `sinfo.tab`: the first line names the columns) and lists of records
   (`job.rec`, `node.rec`, `partition.rec`, `config.rec`, `sdiag.rec`, `json.rec`). Each line begins with the moments
   from which and until which it is said, epoch seconds, and in `queue.tab` with what a list without -r says in its
   place ("": the same, "-": nothing). Fields are parted by 0x1f. Where 0x01 stands in a value, a letter says what to
   put there:
     d          a digit of this call                m          the call's own moment, six digits of milliseconds
     e<time>;   time since, as squeue writes it     E<time>;   as scontrol writes it
     l<time>;   time until, as squeue writes it     t<time>;   a moment: epoch seconds if so asked for, else ISO */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MOST 128
#define SEP '\x1f'

typedef struct { const char *at; size_t length; } Text;
typedef struct { int column; long width; int right; Text before, after; } Part;

static char out[1 << 16];
static size_t held;
static long now_s, call_ms;
static unsigned dice;
static int epoch_wanted;

static void flush(void) {
    for (size_t done = 0; done < held;) {
        ssize_t wrote = write(1, out + done, held - done);
        if (wrote <= 0) _exit(1);
        done += (size_t)wrote;
    }
    held = 0;
}

static void put(const char *text, size_t length) {
    while (length) {
        if (held == sizeof out) flush();
        size_t some = sizeof out - held < length ? sizeof out - held : length;
        memcpy(out + held, text, some);
        held += some, text += some, length -= some;
    }
}

static int span(char *into, long s, int full) {
    long d = s / 86400, h = s / 3600 % 24, m = s / 60 % 60;
    if (d) return sprintf(into, "%ld-%02ld:%02ld:%02ld", d, h, m, s % 60);
    if (full) return sprintf(into, "%02ld:%02ld:%02ld", h, m, s % 60);
    return h ? sprintf(into, "%ld:%02ld:%02ld", h, m, s % 60) : sprintf(into, "%ld:%02ld", m, s % 60);
}

/* What stands at a mark; `*at` goes on behind it. */
static int filled(char *into, const char **at) {
    char kind = *(*at)++;
    if (kind == 'd') {
        dice = dice * 1103515245u + 12345u;
        return sprintf(into, "%u", dice / 65536 % 10);
    }
    if (kind == 'm') return sprintf(into, "%06ld", call_ms % 1000000);
    char *end;
    time_t moment = strtol(*at, &end, 10);
    *at = end + 1;
    if (kind == 'e') return span(into, now_s - moment, 0);
    if (kind == 'E') return span(into, now_s - moment, 1);
    if (kind == 'l') return span(into, moment > now_s ? moment - now_s : 0, 0);
    if (epoch_wanted) return sprintf(into, "%ld", (long)moment);
    struct tm day;
    return (int)strftime(into, 32, "%Y-%m-%dT%H:%M:%S", gmtime_r(&moment, &day));
}

static size_t put_filled(Text text) {
    size_t written = 0;
    const char *at = text.at, *end = text.at + text.length, *mark;
    char room[40];
    while ((mark = memchr(at, 1, (size_t)(end - at)))) {
        put(at, (size_t)(mark - at)), written += (size_t)(mark - at);
        at = mark + 1;
        int length = filled(room, &at);
        put(room, (size_t)length), written += (size_t)length;
    }
    put(at, (size_t)(end - at));
    return written + (size_t)(end - at);
}

static Text file_of(const char *folder, const char *name) {
    char path[4096];
    struct stat is;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int file = open(path, O_RDONLY);
    if (file < 0 || fstat(file, &is) || !is.st_size) return (Text){"", 0};
    return (Text){mmap(NULL, (size_t)is.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0), (size_t)is.st_size};
}

static Text take(Text *rest, char end) {
    const char *found = memchr(rest->at, end, rest->length);
    Text taken = {rest->at, found ? (size_t)(found - rest->at) : rest->length};
    size_t gone = taken.length + (found ? 1 : 0);
    rest->at += gone, rest->length -= gone;
    return taken;
}

/* The next line said now, without its moments; 0 at the end. */
static int next(Text *file, Text *line) {
    while (file->length) {
        *line = take(file, '\n');
        long from = strtol(take(line, SEP).at, NULL, 10), until = strtol(take(line, SEP).at, NULL, 10);
        if (from <= now_s && now_s < until) return 1;
    }
    return 0;
}

static int column_of(Text head, const char *name, size_t length) {
    for (int at = 0; head.length; at++) {
        Text one = take(&head, SEP);
        if (one.length == length && !strncasecmp(one.at, name, length)) return at;
    }
    return -1;
}

/* `name:12,other:text` */
static int long_format(Text head, char *words, Part *parts) {
    int count = 0;
    for (char *rest = words, *word; count < MOST && (word = strsep(&rest, ",")); count++) {
        char *name = strsep(&word, ":");
        Part *part = &parts[count];
        *part = (Part){column_of(head, name, strlen(name)), 20, 0, {"", 0}, {"", 0}};
        if (!word) continue;
        char *end;
        long width = strtol(word, &end, 10);
        part->width = width;
        if (!width) part->after = (Text){end, strlen(end)};
    }
    return count;
}

/* `%i|%.18j %P` */
static int short_format(Text head, const char *letters, char *words, Part *parts) {
    int count = 0;
    for (char *at = words; *at && count < MOST; count++) {
        Part *part = &parts[count];
        size_t literal = strcspn(at, "%");
        *part = (Part){-1, 0, 0, {at, literal}, {"", 0}};
        at += literal;
        if (!*at) continue;
        if (*++at == '.') part->right = 1, at++;
        part->width = strtol(at, &at, 10);
        const char *found = letters;
        while ((found = strchr(found, *at)) && *at && found[1] != '=') found++;
        if (*at) at++;
        if (!found || !*found) continue;
        found++;
        const char *name = found + 1;
        part->column = column_of(head, name, strcspn(name, " "));
    }
    return count;
}

static void table(const char *folder, const char *name, const char *letters, int is_queue, char *words, int is_short,
                  int is_wide, int headed) {
    Text file = file_of(folder, name), head = take(&file, '\n'), line, fields[MOST];
    Part parts[MOST];
    int count = is_short ? short_format(head, letters, words, parts) : long_format(head, words, parts);
    if (headed) put("HEAD\n", 5);
    while (next(&file, &line)) {
        Text compact = is_queue ? take(&line, SEP) : (Text){"", 0};
        if (!is_wide && compact.length == 1) continue;
        int known = 0;
        while (line.length && known < MOST) fields[known++] = take(&line, SEP);
        if (!is_wide && compact.length) fields[0] = compact;
        for (Part *part = parts; part < parts + count; part++) {
            put(part->before.at, part->before.length);
            Text value = part->column >= 0 && part->column < known ? fields[part->column] : (Text){"N/A", 3};
            size_t length = part->column < 0 && is_short ? 0 : put_filled(value);
            for (; (long)length < part->width; length++) put(" ", 1);
            put(part->after.at, part->after.length);
        }
        put("\n", 1);
    }
}

static void records(const char *folder, const char *name, const char *key, const char *wanted) {
    Text file = file_of(folder, name), line;
    char start[256];
    size_t length = wanted ? (size_t)snprintf(start, sizeof start, "%s=%s ", key, wanted) : 0;
    while (next(&file, &line)) {
        if (length && (line.length < length || memcmp(line.at, start, length))) continue;
        put_filled(line);
        put("\n", 1);
    }
}

static void json(const char *folder) {
    Text file = file_of(folder, "json.rec"), line;
    Text head = take(&file, '\n');
    put(head.at, head.length);
    for (int first = 1; next(&file, &line); first = 0) {
        if (!first) put(",", 1);
        put_filled(line);
    }
    put("]}\n", 3);
}

int main(int argc, char **argv) {
    struct timespec clock;
    clock_gettime(CLOCK_MONOTONIC, &clock);
    call_ms = clock.tv_sec * 1000 + clock.tv_nsec / 1000000;
    now_s = time(NULL);
    dice = (unsigned)call_ms;
    const char *format = getenv("SLURM_TIME_FORMAT");
    epoch_wanted = format && !strcmp(format, "%s");
    char folder[4096] = "";
    ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
    if (length <= 0) return 1;
    *strrchr(folder, '/') = 0;
    const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];

    char *words = NULL, *last = NULL, *entity = NULL;
    int is_short = 0, is_wide = 0, headed = 1, is_json = 0;
    for (int at = 1; at < argc; at++) {
        char *word = argv[at], *value = word[0] == '-' && word[1] == '-' ? strchr(word, '=') : NULL;
        size_t size = value ? (size_t)(value - word) : strlen(word);
#define IS(a, b) ((size == strlen(a) && !strncmp(word, a, size)) || (size == strlen(b) && !strncmp(word, b, size)))
        if (IS("-O", "--Format") || IS("-o", "--format")) {
            // `scontrol -o` takes no value.
            if (!strcmp(name, "scontrol")) continue;
            is_short = word[1] == 'o' || word[2] == 'f';
            words = value ? value + 1 : at + 1 < argc ? argv[++at] : NULL;
        } else if (IS("-h", "--noheader")) headed = 0;
        else if (IS("-r", "--array")) is_wide = 1;
        else if (IS("--json", "--json")) is_json = 1;
        else if (IS("--version", "-V")) return puts("slurm 24.11.5") < 0;
        else if (word[0] != '-') entity = last && !strcmp(last, "show") ? word : entity, last = word;
    }
    if (!strcmp(name, "squeue") && is_json) json(folder);
    else if (!strcmp(name, "squeue") && words)
        table(folder, "queue.tab",
              "A=JobID F=ArrayJobID K=ArrayTaskID i=JobArrayID C=NumCPUs j=Name P=Partition r=Reason u=UserName y=Nice "
              "T=State t=StateCompact M=TimeUsed L=TimeLeft l=TimeLimit D=NumNodes m=MinMemory b=tres-per-node "
              "N=NodeList p=PriorityLong S=StartTime a=Account Z=WorkDir", 1, words, is_short, is_wide, headed);
    else if (!strcmp(name, "sinfo") && words)
        table(folder, "sinfo.tab",
              "n=NodeHost t=StateCompact c=CPUs C=CPUsState m=Memory e=FreeMem G=Gres O=CPUsLoad P=Partition "
              "R=Partition z=SocketCoreThread E=Reason", 0, words, is_short, 1, headed);
    else if (!strcmp(name, "sinfo") && is_json) put("{\"sinfo\": []}\n", 14);
    else if (!strcmp(name, "sdiag")) records(folder, "sdiag.rec", "", NULL);
    else if (!strcmp(name, "scontrol") && entity) {
        const char *wanted = last != entity ? last : NULL;
        int is_node = !strncmp(entity, "node", 4), is_job = !strncmp(entity, "job", 3);
        records(folder, is_job ? "job.rec" : is_node ? "node.rec" : *entity == 'p' ? "partition.rec" : "config.rec",
                is_job ? "JobId" : is_node ? "NodeName" : "PartitionName", wanted);
    }
    flush();
    return 0;
}
