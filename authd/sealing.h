#pragma once
/*
 * Sealing what is stored: AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce, under a key
 * derived from SECRET_KEY by HKDF-SHA256 (RFC 5869), one key per purpose.
 * A sealed text is nonce (12 bytes), ciphertext, tag (16).
 */
#include <stdbool.h>
#include <stddef.h>

#define SEAL_KEY_SIZE 32
#define SEAL_OVERHEAD 28 /* bytes that a sealed text is longer */

/* The key for one purpose; the caller wipes it.  A different label gives an unrelated key. */
void seal_key_derive(const char *secret, const char *label, unsigned char ret[SEAL_KEY_SIZE]);

/* Seals size bytes; `bound` is not stored but must be the same at opening, so that a sealed text
 * cannot be moved elsewhere.  ret has room for size + SEAL_OVERHEAD bytes. */
void seal(const unsigned char key[SEAL_KEY_SIZE], const char *bound, const void *data, size_t size,
          unsigned char *ret);

/* Opens size bytes of sealed text into ret (size - SEAL_OVERHEAD bytes).  False when the key or
 * `bound` is another one, or anything was changed; ret is wiped then. */
bool seal_open(const unsigned char key[SEAL_KEY_SIZE], const char *bound, const void *sealed,
               size_t size, unsigned char *ret) __attribute__((warn_unused_result));
