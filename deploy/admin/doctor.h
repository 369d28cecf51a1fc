#pragma once
/* The parts of `doctor`; each prints findings.  Returns an exit status: wrong settings end it. */
#include "proto/api.h"

struct console;

int doctor_database(const struct console *con);
/* As a daemon whose database is on another host: whether its role gets there. */
int doctor_reach(const struct console *con, enum svc svc);
/* Whether this host's clock is kept right. */
int doctor_clock(const struct console *con);
/* As chatd: the model provider and its key. */
int doctor_model(const struct console *con);
/* As filed: where contents are kept. */
int doctor_files(const struct console *con);
/* As authd: its secret, and mail. */
int doctor_accounts(const struct console *con);
/* As a gateway: what answers at its port, and what it says. */
int doctor_gateway(const struct console *con);
