/* Stands in for systemd: binds the socket that sd_notify(3) writes to, and prints each message as a
 * line with its sender's pid: "4711 WATCHDOG=1". */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

int main(int argc, char **argv)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;

    if (argc != 2 || strlen(argv[1]) >= sizeof at.sun_path)
        return 2;
    memcpy(at.sun_path, argv[1], strlen(argv[1]));
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) || chmod(argv[1], 0777) ||
        setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on))
        return 1;
    puts("bound");
    fflush(stdout);
    for (;;) {
        char text[512], control[256];
        struct iovec data = {text, sizeof text - 1};
        struct msghdr m = {.msg_iov = &data,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof control};
        ssize_t size = recvmsg(fd, &m, 0);
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        struct ucred who;
        if (size < 0)
            return 1;
        if (!c || c->cmsg_type != SCM_CREDENTIALS)
            continue;
        memcpy(&who, CMSG_DATA(c), sizeof who);
        text[size] = '\0';
        printf("%d %s\n", (int)who.pid, text);
        fflush(stdout);
    }
}
