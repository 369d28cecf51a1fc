/* X-Forwarded-For as clients and proxies send it: whatever it holds, an address comes out. */
#include <arpa/inet.h>
#include <string.h>

#include "gateway/proxies.h"
#include "proto/api.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct proxies *proxies;
    struct http_request r = {.address = "127.0.0.1", .header_count = 1};
    char header[1024], client[ADDRESS_TEXT_MAX], group[ADDRESS_TEXT_MAX];
    unsigned char binary[16];
    const char *wrong;
    bool tls;

    if (!proxies && proxies_new("127.0.0.1 10.0.0.0/8", &proxies, &wrong) != DONE)
        abort();
    if (size >= sizeof header)
        return 0;
    memcpy(header, data, size);
    header[size] = '\0';
    r.headers[0] = (struct http_header){"X-Forwarded-For", header};
    proxies_client(proxies, &r, client, &tls);
    must(inet_pton(strchr(client, ':') ? AF_INET6 : AF_INET, client, binary) == 1);
    address_group(client, group);
    must(group[0] && strlen(group) < sizeof group);
    return 0;
}
