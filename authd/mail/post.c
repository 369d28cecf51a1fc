/* Mails on their way: to a server by libcurl, or into a directory. */
#include "authd/mail/post.h"

#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/pulse.h"
#include "common/text.h"

#define FILES_FROM      "no-reply@localhost"
#define CONNECT_S       10L
#define REFUSED_LOWEST  550 /* RFC 5321: mailbox unavailable ... */
#define REFUSED_HIGHEST 559

static void url_drop(CURLU **u)
{
    curl_url_cleanup(*u);
    *u = NULL;
}

static void curl_drop(CURL **c)
{
    curl_easy_cleanup(*c);
    *c = NULL;
}

static void list_drop(struct curl_slist **l)
{
    curl_slist_free_all(*l);
    *l = NULL;
}

static void part_drop(char **p)
{
    curl_free(*p);
    *p = NULL;
}

/* ---- settings ----------------------------------------------------------------------------- */

/* "address", or "Name <address>".  False: it is neither. */
static bool from_read(const char *s, char *ret_address, char *ret_name, size_t name_capacity)
{
    const char *open = strrchr(s, '<');
    size_t n = open ? (size_t)(open - s) : 0, size = strlen(s);

    while (n && s[n - 1] == ' ')
        n--;
    if (open && (s[size - 1] != '>' || n >= name_capacity))
        return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
            return false;
    snprintf(ret_name, name_capacity, "%.*s", (int)n, s);
    if (open && size - (size_t)(open - s) - 2 > ADDRESS_MAX)
        return false;
    if (!open && size > ADDRESS_MAX)
        return false;
    snprintf(ret_address, ADDRESS_MAX + 1, "%.*s",
             open ? (int)(size - (size_t)(open - s) - 2) : (int)size, open ? open + 1 : s);
    return address_check(ret_address) == NULL;
}

/* Of a URL: whether its scheme is one of two, and it names a host; whether that is this one. */
static bool url_is(const char *text, const char *one, const char *other, bool *ret_here)
{
    cleanup(url_drop) CURLU *u = curl_url();
    cleanup(part_drop) char *scheme = NULL, *host = NULL;

    if (!u || curl_url_set(u, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK || !*host)
        return false;
    *ret_here = strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
                strcmp(host, "[::1]") == 0;
    return strcmp(scheme, one) == 0 || strcmp(scheme, other) == 0;
}

enum setting post_check(const struct conf *c, const char **reterr_why)
{
    const char *url = conf_str(c, SET_MAIL_URL), *from = conf_str(c, SET_MAIL_FROM);
    const char *public_url = conf_str(c, SET_PUBLIC_URL);
    char address[ADDRESS_MAX + 1], name[128];
    bool here;

    *reterr_why = "must be smtp://... or smtps://... with a host";
    if (*url && !url_is(url, "smtp", "smtps", &here))
        return SET_MAIL_URL;
    *reterr_why = "must be an address, or a name and an <address>";
    if (*from && !from_read(from, address, name, sizeof name))
        return SET_MAIL_FROM;
    *reterr_why = "must be http://... or https://... without anything behind the host and path";
    if (*public_url &&
        (!url_is(public_url, "https", "http", &here) || strpbrk(public_url, "?# <>\"")))
        return SET_PUBLIC_URL;
    *reterr_why = "is needed, as MAIL_URL is given";
    if (*url && !*from)
        return SET_MAIL_FROM;
    if (*url && !*public_url)
        return SET_PUBLIC_URL;
    return SET_COUNT;
}

void post_open(const struct conf *c, struct post *ret)
{
    const char *from = conf_str(c, SET_MAIL_FROM), *tls = conf_str(c, SET_MAIL_TLS);
    bool here = false;

    *ret = (struct post){.url = conf_str(c, SET_MAIL_URL),
                         .directory = conf_str(c, SET_MAIL_DIR),
                         .ca_file = conf_str(c, SET_MAIL_CA_FILE),
                         .timeout_s = (long)conf_i64(c, SET_TIMEOUT_MAIL)};
    ret->way = *ret->url ? POST_SMTP : *ret->directory ? POST_FILES : POST_OFF;
    if (ret->way == POST_SMTP && !url_is(ret->url, "smtp", "smtps", &here))
        ret->way = POST_OFF; /* post_check() let it through */
    ret->insists_on_tls = strcmp(tls, "required") == 0 || (!here && strcmp(tls, "auto") == 0);
    if (!from_read(*from ? from : FILES_FROM, ret->from, ret->from_name, sizeof ret->from_name))
        snprintf(ret->from, sizeof ret->from, FILES_FROM);
}

const char *post_name(const struct post *p)
{
    return p->way == POST_SMTP ? "smtp" : p->way == POST_FILES ? "files" : "off";
}

/* ---- a file ------------------------------------------------------------------------------- */

/* Written under another name first, so that nobody finds half of it. */
static enum post_result file_write(const struct post *p, const struct text *mail, const char *name,
                                   char *reterr_why, size_t capacity)
{
    char draft[PATH_MAX], path[PATH_MAX];
    cleanup(fd_drop) int fd = -1;
    bool good;

    if ((size_t)snprintf(path, sizeof path, "%s/%s.eml", p->directory, name) >= sizeof path ||
        (size_t)snprintf(draft, sizeof draft, "%s/.%s", p->directory, name) >= sizeof draft) {
        snprintf(reterr_why, capacity, "the path is too long");
        return POST_LATER;
    }
    fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    good = fd >= 0 && write(fd, mail->data, mail->size) == (ssize_t)mail->size && fsync(fd) == 0 &&
           rename(draft, path) == 0;
    if (!good)
        snprintf(reterr_why, capacity, "MAIL_DIR: %s", strerror(errno));
    return good ? POST_DONE : POST_LATER;
}

static void dir_drop(DIR **d)
{
    if (*d)
        closedir(*d);
    *d = NULL;
}

/* A mail of ours, or what a killed process left of one: "1700000000-000001-reset.eml". */
static bool is_ours(const char *name)
{
    bool is_draft = *name == '.';
    size_t size = strlen(name), digits;

    name += is_draft;
    digits = strspn(name, "0123456789");
    return digits >= 10 && name[digits] == '-' &&
           (is_draft ||
            (size > 4 && strcmp(name + digits + strlen(name + digits) - 4, ".eml") == 0));
}

int post_sweep(const struct post *p, time_t before)
{
    cleanup(dir_drop) DIR *dir = p->way == POST_FILES ? opendir(p->directory) : NULL;
    const struct dirent *entry;
    struct stat s;
    int removed = 0;

    while (dir && (entry = readdir(dir)))
        if (is_ours(entry->d_name) &&
            fstatat(dirfd(dir), entry->d_name, &s, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(s.st_mode) && s.st_mtime < before &&
            unlinkat(dirfd(dir), entry->d_name, 0) == 0)
            removed++;
    return removed;
}

/* ---- a server ----------------------------------------------------------------------------- */

/* What libcurl reads the mail from. */
struct source {
    const struct text *mail;
    size_t read;
    bool at_recipient; /* the newest command, but for the good-bye, named the recipient */
};

static size_t source_read(char *to, size_t size, size_t count, void *state)
{
    struct source *s = state;
    size_t n = s->mail->size - s->read;

    if (n > size * count)
        n = size * count;
    memcpy(to, s->mail->data + s->read, n);
    s->read += n;
    return n;
}

/* Told of everything; only commands are looked at, and nothing is kept. */
static int command_note(CURL *curl, curl_infotype type, char *data, size_t size, void *state)
{
    struct source *s = state;

    (void)curl;
    if (type == CURLINFO_HEADER_OUT && (size < 4 || strncasecmp(data, "QUIT", 4) != 0))
        s->at_recipient = size >= 4 && strncasecmp(data, "RCPT", 4) == 0;
    return 0;
}

static int is_over(void *state, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    return atomic_load((const atomic_bool *)state);
}

static void curl_start(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort();
}

#define must(option, value)                                    \
    do                                                         \
        if (curl_easy_setopt(curl, option, value) != CURLE_OK) \
            abort(); /* no memory, or our mistake */           \
    while (0)

static void transfer_describe(CURL *curl, const struct post *p, struct curl_slist *to,
                              struct source *source, const atomic_bool *ends)
{
    must(CURLOPT_URL, p->url);
    must(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    must(CURLOPT_MAIL_FROM, p->from);
    must(CURLOPT_MAIL_RCPT, to);
    must(CURLOPT_UPLOAD, 1L);
    must(CURLOPT_READFUNCTION, source_read);
    must(CURLOPT_READDATA, source);
    must(CURLOPT_DEBUGFUNCTION, command_note);
    must(CURLOPT_DEBUGDATA, source);
    must(CURLOPT_VERBOSE, 1L);
    must(CURLOPT_USE_SSL, p->insists_on_tls ? (long)CURLUSESSL_ALL : (long)CURLUSESSL_NONE);
    if (*p->ca_file)
        must(CURLOPT_CAINFO, p->ca_file);
    must(CURLOPT_NOSIGNAL, 1L);
    must(CURLOPT_PROXY, "");
    must(CURLOPT_CONNECTTIMEOUT, CONNECT_S);
    must(CURLOPT_TIMEOUT, p->timeout_s);
    must(CURLOPT_NOPROGRESS, 0L);
    must(CURLOPT_XFERINFOFUNCTION, is_over);
    must(CURLOPT_XFERINFODATA, (void *)ends);
}

static enum post_result server_send(const struct post *p, const char *to, const struct text *mail,
                                    const atomic_bool *ends, char *reterr_why, size_t capacity)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    cleanup(curl_drop) CURL *curl = NULL;
    cleanup(list_drop) struct curl_slist *list = curl_slist_append(NULL, to);
    struct source source = {.mail = mail};
    long code = 0;
    bool waited;
    CURLcode r;

    pthread_once(&once, curl_start);
    curl = curl_easy_init();
    if (!curl || !list)
        abort();
    transfer_describe(curl, p, list, &source, ends);
    waited = pulse_wait_begin();
    r = curl_easy_perform(curl);
    pulse_wait_end(waited);
    if (r == CURLE_OK)
        return POST_DONE;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
    snprintf(reterr_why, capacity, "%s (answer %ld)", curl_easy_strerror(r), code);
    /* of the recipient: what else may go wrong (log-in, greeting, content) can be mended */
    return source.at_recipient && code >= REFUSED_LOWEST && code <= REFUSED_HIGHEST ? POST_REFUSED
                                                                                    : POST_LATER;
}

enum post_result post_send(const struct post *p, const char *to, const struct text *mail,
                           const char *name, const atomic_bool *ends, char *reterr_why,
                           size_t capacity)
{
    snprintf(reterr_why, capacity, "mail is off");
    if (p->way == POST_OFF)
        return POST_LATER;
    return p->way == POST_FILES ? file_write(p, mail, name, reterr_why, capacity)
                                : server_send(p, to, mail, ends, reterr_why, capacity);
}
