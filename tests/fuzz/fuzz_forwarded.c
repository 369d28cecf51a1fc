/* X-Forwarded-For as clients and proxies send it: whatever it holds, an address comes out. */
#include <arpa/inet.h>
#include <string.h>

#include "gateway/forwarded.h"
#include "proto/api.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct proxies *proxies;
    struct http_request r = {.address = "127.0.0.1", .header_count = 1};
    char header[1024], client[CLIENT_MAX + 1];
    unsigned char binary[16];
    const char *wrong;

    if (!proxies && proxies_new("127.0.0.1 10.0.0.0/8", &proxies, &wrong) != DONE)
        abort();
    if (size >= sizeof header)
        return 0;
    memcpy(header, data, size);
    header[size] = '\0';
    r.headers[0] = (struct http_header){"X-Forwarded-For", header};
    forwarded_client(proxies, &r, client);
    must(inet_pton(strchr(client, ':') ? AF_INET6 : AF_INET, client, binary) == 1);
    return 0;
}
