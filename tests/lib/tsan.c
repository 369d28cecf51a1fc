/* What ThreadSanitizer is told in every program of a build with SANITIZE=thread: options, and what
 * it cannot know.  Each suppression says why. */

const char *__tsan_default_options(void);
const char *__tsan_default_suppressions(void);

const char *__tsan_default_options(void)
{
    return "exitcode=66:second_deadlock_stack=1";
}

const char *__tsan_default_suppressions(void)
{
    return /* libzmq is not compiled for ThreadSanitizer, which therefore sees what its threads
            * write but not how they hand it over. */
        "called_from_lib:libzmq.so\n"
        /* What libzmq has opened for it (CURVE), in the same threads. */
        "called_from_lib:libsodium.so\n"
        /* Likewise: it closes the listener after it was told to stop. */
        "called_from_lib:libcivetweb.so\n"
        /* Likewise: it counts the users of a key, of whom the last one frees it. */
        "called_from_lib:libcrypto.so\n"
        /* Frees a payload in a thread of libzmq, which was given it by zmq_msg_init_data(). */
        "race:^text_free$\n"
        /* Closes what it just opened, where a descriptor was that civetweb, unseen, closed before.
         */
        "race:^descriptors_left$\n";
}
