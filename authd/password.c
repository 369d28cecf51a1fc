/* Passwords: policy, hashing, verification. */
#include "authd/password.h"

#include <argon2.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/mman.h>

#include "authd/common_passwords.h"
#include "common/digest.h"
#include "common/fault.h"
#include "common/priority.h"
#include "proto/api.h"

#define SALT_SIZE 16
#define HASH_SIZE 32
#define HUGE_PAGE ((size_t)2 << 20)

const char *password_check(const char *password)
{
    size_t characters = 0, bytes = strlen(password);
    bool letter = false, digit = false;

    for (size_t i = 0; i < bytes; i++) {
        unsigned char b = (unsigned char)password[i];
        characters += (b & 0xc0) != 0x80;
        digit |= b >= '0' && b <= '9';
        letter |= b >= 0x80 || ((b | 0x20) >= 'a' && (b | 0x20) <= 'z');
    }
    if (characters < PASSWORD_CHARACTERS_MIN)
        return "must have at least 8 characters";
    if (bytes > PASSWORD_BYTES_MAX)
        return "must have at most 256 characters";
    if (!letter)
        return "must contain a letter";
    if (!digit)
        return "must contain a digit";
    return password_is_common(password) ? "is one of the most common passwords" : NULL;
}

/* Memory of one hash, in huge pages where the kernel has some: with small ones nearly half of the
 * time of a hash goes into page faults. */
static int memory_map(uint8_t **ret, size_t size)
{
    void *p =
        mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t before;

    if (p == MAP_FAILED)
        return ARGON2_MEMORY_ALLOCATION_ERROR;
    before = -(uintptr_t)p % HUGE_PAGE;
    if (before)
        munmap(p, before);
    munmap((uint8_t *)p + before + size, HUGE_PAGE - before);
    madvise((uint8_t *)p + before, size, MADV_HUGEPAGE);
    *ret = (uint8_t *)p + before;
    return ARGON2_OK;
}

/* The library has wiped it by then. */
static void memory_unmap(uint8_t *memory, size_t size)
{
    munmap(memory, size);
}

/* Computes the hash that p's parameters and salt give for a password. */
static int hash_compute(const char *password, struct phc *p, unsigned char ret[PHC_BYTES_MAX])
{
    argon2_context context = {
        .out = ret,
        .outlen = p->hash_size,
        .pwd = (uint8_t *)password, /* only read: no flag asks to clear it */
        .pwdlen = (uint32_t)strlen(password),
        .salt = p->salt,
        .saltlen = p->salt_size,
        .t_cost = p->passes,
        .m_cost = p->memory_kib,
        .lanes = p->lanes,
        .threads = 1, /* runs on the calling thread */
        .version = ARGON2_VERSION_13,
        .allocate_cbk = memory_map,
        .free_cbk = memory_unmap,
        .flags = ARGON2_DEFAULT_FLAGS,
    };
    struct offers offers;
    int r;

    offers_begin(&offers);
    r = argon2id_ctx(&context);
    offers_end(&offers);
    return r == ARGON2_OK ? DONE : FAULT("argon2id: %s", argon2_error_message(r));
}

int password_hash(const char *password, const struct password_cost *cost,
                  char ret[PASSWORD_HASH_MAX])
{
    struct phc p = {
        .memory_kib = cost->memory_kib,
        .passes = cost->passes,
        .lanes = 1,
        .salt_size = SALT_SIZE,
        .hash_size = HASH_SIZE,
    };
    int r;

    random_bytes(p.salt, SALT_SIZE);
    r = hash_compute(password, &p, p.hash);
    if (!r)
        phc_write(&p, ret);
    secret_wipe(&p, sizeof p);
    return r;
}

int password_nobody(const struct password_cost *cost, char ret[PASSWORD_HASH_MAX])
{
    unsigned char bytes[DIGEST_SIZE];
    char password[2 * DIGEST_SIZE + 1];
    int r;

    random_bytes(bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, password);
    r = password_hash(password, cost, ret);
    secret_wipe(bytes, sizeof bytes);
    secret_wipe(password, sizeof password);
    return r;
}

static int pbkdf2_compute(const char *password, const struct pbkdf2 *p,
                          unsigned char ret[PBKDF2_HASH_SIZE])
{
    struct offers offers;
    bool good;

    offers_begin(&offers);
    good = PKCS5_PBKDF2_HMAC(password, (int)strlen(password), p->salt, (int)p->salt_size,
                             (int)p->rounds, EVP_sha256(), PBKDF2_HASH_SIZE, ret) == 1;
    offers_end(&offers);
    return good ? DONE : FAULT("pbkdf2");
}

static int pbkdf2_verify(const struct pbkdf2 *p, const char *password)
{
    unsigned char computed[PBKDF2_HASH_SIZE];
    int r = pbkdf2_compute(password, p, computed);

    if (!r && CRYPTO_memcmp(computed, p->hash, sizeof computed) != 0)
        r = BAD_LOGIN;
    secret_wipe(computed, sizeof computed);
    return r;
}

int password_verify(const char *hash, const char *password)
{
    unsigned char computed[PHC_BYTES_MAX];
    struct pbkdf2 old;
    struct phc p;
    int r;

    if (pbkdf2_read(hash, &old))
        return pbkdf2_verify(&old, password);
    if (!phc_read(hash, &p))
        return FAULT("a stored password hash cannot be read");
    r = hash_compute(password, &p, computed);
    if (!r && CRYPTO_memcmp(computed, p.hash, p.hash_size) != 0)
        r = BAD_LOGIN;
    secret_wipe(computed, sizeof computed);
    return r;
}

/* The time of Argon2id grows with memory times passes. */
static int argon2_pad(uint64_t spent, const struct password_cost *cost, const char *password)
{
    char ignored[PASSWORD_HASH_MAX];
    uint64_t full = (uint64_t)cost->memory_kib * cost->passes;
    struct password_cost rest = {.passes = cost->passes};

    if (spent >= full)
        return DONE;
    rest.memory_kib = (uint32_t)((full - spent) / cost->passes);
    return rest.memory_kib < ARGON2_MIN_MEMORY ? DONE : password_hash(password, &rest, ignored);
}

/* That of PBKDF2 with its rounds. */
static int pbkdf2_pad(uint32_t spent, uint32_t full, const char *password)
{
    struct pbkdf2 rest = {.rounds = full - spent, .salt_size = SALT_SIZE};
    unsigned char ignored[PBKDF2_HASH_SIZE];

    return spent >= full ? DONE : pbkdf2_compute(password, &rest, ignored);
}

int password_pad(const char *hash, const struct password_cost *cost, uint32_t old_rounds,
                 const char *password)
{
    uint64_t spent = 0;
    struct pbkdf2 old;
    struct phc p;
    int r;

    if (!pbkdf2_read(hash, &old)) {
        old.rounds = 0;
        if (!phc_read(hash, &p))
            return FAULT("a stored password hash cannot be read");
        spent = (uint64_t)p.memory_kib * p.passes;
    }
    r = argon2_pad(spent, cost, password);
    return r ? r : pbkdf2_pad(old.rounds, old_rounds, password);
}

bool password_is_outdated(const char *hash, const struct password_cost *cost)
{
    struct pbkdf2 old;
    struct phc p;

    if (pbkdf2_read(hash, &old))
        return true;
    return phc_read(hash, &p) && (p.memory_kib < cost->memory_kib || p.passes < cost->passes);
}
