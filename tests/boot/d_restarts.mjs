// Times, sizes, and services that go and come while people work.
import { call, cursor, eventually, gateway, healthy, journal, sh, show, sleep, systemctl } from './host.mjs';
import { Load, account } from './load.mjs';
import { units } from './a_install.mjs';

// Memory of all services, each page counted once (kB).
async function pss() {
    const pids = (await Promise.all(units.map((u) => show(u, 'MainPID')))).join(' ');
    return Number(await sh(`for p in ${pids}; do cat /proc/$p/smaps_rollup; done | awk '/^Pss:/ {n += $2} END {print n}'`));
}

const daemons = units.filter((u) => !u.includes('gateway'));

export default async function (t) {
    const token = await account(gateway, 'load@example.com');

    await t.test('start to the first 200', async () => {
        const times = [];
        for (let i = 0; i < 5; i++) {
            await sh('/usr/share/chatbot/deploy/host-services stop');
            const begun = Date.now();
            const started = systemctl('start', 'chatbot.target', ...units);
            for (;;) {
                const reply = await call(gateway, 'GET', '/health', { timeout: 1000 }).catch(() => {});
                if (reply?.status === 200) break;
                if (Date.now() - begun > 30000) throw new Error('no 200 within 30 s');
                await sleep(5);
            }
            times.push(Date.now() - begun);
            await started;
        }
        times.sort((a, b) => a - b);
        t.figures['ms from systemctl start to 200'] = times.join(' ');
    });
    await t.test('memory when idle', async () => {
        t.figures['PSS idle kB'] = await pss();
    });
    await t.test('each daemon restarts under load: no request fails', async () => {
        const load = await Load.start(gateway, token);
        for (const unit of daemons) {
            await systemctl('restart', unit);
            await load.more(30);
        }
        await load.stop();
        t.figures['restarts'] = `${load.served} served, ${load.failed.length} failed, slowest ${load.slowest} ms`;
        t.equal(load.wrong(), '');
        t.figures['PSS after load kB'] = await pss();
    });
    await t.test('chatbot-chatd@2 starts and takes turns', async () => {
        const since = await cursor();
        const load = await Load.start(gateway, token);
        await systemctl('start', 'chatbot-chatd@2');
        await eventually(async () => /op=chat_create/.test(await journal(since, '-u chatbot-chatd@2')), { what: 'chatd@2 takes turns' });
        await systemctl('stop', 'chatbot-chatd@1');
        await load.more(30);
        await systemctl('start', 'chatbot-chatd@1');
        await load.more(30);
        await systemctl('stop', 'chatbot-chatd@2');
        await load.more(30);
        await load.stop();
        t.equal(load.wrong(), '');
    });
    await t.test('SIGKILL of each daemon under load: no request fails', async () => {
        const load = await Load.start(gateway, token);
        for (const unit of daemons) {
            const before = await show(unit, 'MainPID');
            await systemctl('kill', '-s KILL', unit);
            await eventually(async () => !['0', before].includes(await show(unit, 'MainPID')) && (await show(unit, 'ActiveState')) === 'active', { what: `${unit} is back` });
            await load.more(30);
        }
        await load.stop();
        t.figures['SIGKILLs'] = `${load.served} served, ${load.failed.length} failed, slowest ${load.slowest} ms`;
        t.equal(load.wrong(), '');
    });
    await t.test('SIGKILL of the gateway: back and healthy', async () => {
        await systemctl('kill', '-s KILL', 'chatbot-gateway@1');
        await sleep(50);
        await healthy();
        t.equal(await show('chatbot-gateway@1', 'NRestarts'), '1');
    });
    for (const unit of ['chatbot-projectd', 'chatbot-gateway@1'])
        await t.test(`the watchdog ends a ${unit} that hangs`, async () => {
            const drop = `/run/systemd/system/${unit}.service.d`;
            await sh(`mkdir -p ${drop}; printf '[Service]\\nWatchdogSec=3s\\n' >${drop}/test.conf
                systemctl daemon-reload; systemctl restart ${unit}`);
            const since = await cursor();
            const before = await show(unit, 'MainPID');
            await sleep(4000); // it is fed: nothing happens
            t.equal(await show(unit, 'MainPID'), before, 'pid after a while');
            await systemctl('kill', '-s STOP', unit);
            await eventually(async () => !['0', before].includes(await show(unit, 'MainPID')), { what: 'a new process' });
            t.match(await journal(since), new RegExp(`${unit.replace('@', '.')}.*Watchdog timeout`));
            await sh(`rm -r ${drop}; systemctl daemon-reload; systemctl restart ${unit}`);
            await healthy();
        });
    await t.test('PostgreSQL restarts: everything comes back by itself', async () => {
        await systemctl('restart', 'postgresql');
        await healthy();
        t.equal((await call(gateway, 'GET', '/projects', { token })).status, 200);
    });
    await t.test('the limits of the units hold', async () => {
        for (const unit of units) {
            const { text } = await sh(`systemctl show ${unit} -p MemoryMax -p TasksMax -p MemoryCurrent -p TasksCurrent -p LimitNOFILE`, { any: true });
            if (/=infinity|\[not set\]/.test(text)) throw new Error(`${unit}: ${text}`);
        }
    });
    await t.test('the journal holds no error of ours', async () => {
        // systemd's own lines tell of the watchdog, and of the wrong settings that were tried
        const lines = await sh("journalctl -q --no-pager -p err -o cat -t gateway -t authd -t projectd -t chatd -t filed");
        t.equal(lines, '');
    });
}
