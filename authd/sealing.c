/* Sealing: key derivation and authenticated encryption over OpenSSL's EVP. */
#include "authd/sealing.h"

#include <assert.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/digest.h"

#define NONCE_SIZE 12
#define TAG_SIZE   16

static void kdf_drop(EVP_KDF_CTX **k)
{
    EVP_KDF_CTX_free(*k);
    *k = NULL;
}

static void cipher_drop(EVP_CIPHER_CTX **c)
{
    EVP_CIPHER_CTX_free(*c);
    *c = NULL;
}

/* OpenSSL fails here only without memory or without its providers: neither can be served around. */
static void must(int good)
{
    if (good != 1)
        abort();
}

void seal_key_derive(const char *secret, const char *label, unsigned char ret[SEAL_KEY_SIZE])
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    cleanup(kdf_drop) EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)secret, strlen(secret)),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)label, strlen(label)),
        OSSL_PARAM_END,
    };

    EVP_KDF_free(kdf);
    must(context != NULL);
    must(EVP_KDF_derive(context, ret, SEAL_KEY_SIZE, params));
}

void seal(const unsigned char key[SEAL_KEY_SIZE], const char *bound, const void *data, size_t size,
          unsigned char *ret)
{
    cleanup(cipher_drop) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    unsigned char *text = ret + NONCE_SIZE;
    int n;

    assert(size <= INT_MAX - SEAL_OVERHEAD);
    must(c != NULL);
    random_bytes(ret, NONCE_SIZE);
    must(EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, ret));
    must(EVP_EncryptUpdate(c, NULL, &n, (const unsigned char *)bound, (int)strlen(bound)));
    must(EVP_EncryptUpdate(c, text, &n, data, (int)size));
    must(EVP_EncryptFinal_ex(c, text + size, &n));
    must(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, text + size));
}

bool seal_open(const unsigned char key[SEAL_KEY_SIZE], const char *bound, const void *sealed,
               size_t size, unsigned char *ret)
{
    cleanup(cipher_drop) EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    const unsigned char *nonce = sealed, *text = nonce + NONCE_SIZE;
    unsigned char tag[TAG_SIZE];
    int n;

    if (size < SEAL_OVERHEAD || size > INT_MAX)
        return false;
    size -= SEAL_OVERHEAD;
    memcpy(tag, text + size, TAG_SIZE);
    must(c != NULL);
    must(EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce));
    must(EVP_DecryptUpdate(c, NULL, &n, (const unsigned char *)bound, (int)strlen(bound)));
    must(EVP_DecryptUpdate(c, ret, &n, text, (int)size));
    must(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag));
    if (EVP_DecryptFinal_ex(c, ret + size, &n) == 1)
        return true;
    secret_wipe(ret, size);
    return false;
}
