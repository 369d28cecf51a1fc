// Services that go and come while people work.
import { call, cursor, eventually, gateway, healthy, journal, sh, show, sleep, systemctl } from './host.mjs';
import { Load, account } from './load.mjs';
import { units } from './a_install.mjs';

const daemons = units.filter((u) => !u.includes('gateway'));

// A thread of each.
const hanging = { 'chatbot-authd': 'bus', 'chatbot-projectd': 'fast', 'chatbot-filed': 'bus', 'chatbot-chatd@1': 'beater', 'chatbot-gateway@1': 'broker' };
const pids = async () => Object.fromEntries(await Promise.all(units.map(async (u) => [u, await show(u, 'MainPID')])));

// Stops these threads alone, which a signal cannot.
const freeze = (of) => sh(`mkdir /sys/fs/cgroup/freezer/hung; cd /sys/fs/cgroup/freezer/hung
    thread() { for task in /proc/$1/task/*; do [ "$(cat $task/comm)" != $2 ] || echo \${task##*/} >tasks; done; }
    ${units.map((u) => `thread ${of[u]} ${hanging[u]}`).join('\n    ')}
    [ $(wc -l <tasks) = ${units.length} ] && echo FROZEN >freezer.state`);

export default async function (t) {
    const token = await account(gateway, 'load@example.com');

    await t.test('each daemon restarts under load: no request fails', async () => {
        const load = await Load.start(gateway, token);
        for (const unit of daemons) {
            await systemctl('restart', unit);
            await load.more(30);
        }
        await load.stop();
        t.figures['restarts'] = `${load.served} served, ${load.failed.length} failed, slowest ${load.slowest} ms`;
        t.equal(load.wrong(), '');
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
    await t.test('the watchdog: fed while all threads go on; one that hangs is named, and its process ended', async () => {
        const drop = '/run/systemd/system/chatbot-.service.d';
        await sh(`mkdir -p ${drop}; printf '[Service]\\nWatchdogSec=3s\\n' >${drop}/20-test.conf
            systemctl daemon-reload; /usr/share/chatbot/deploy/host-services restart`);
        await healthy();
        const before = await pids();
        await sleep(5000);
        t.equal(await pids(), before, 'pids after a while');
        const since = await cursor();
        await freeze(before);
        await eventually(async () => {
            const said = await journal(since);
            return units.every((u) => said.includes(`event=hung thread=${hanging[u]} `) && said.includes(`${u}.service: Watchdog timeout`));
        }, { what: 'each is named and ended' }).finally(() => sh('echo THAWED >/sys/fs/cgroup/freezer/hung/freezer.state'));
        await eventually(async () => {
            const after = await pids();
            return units.every((u) => !['0', before[u]].includes(after[u]));
        }, { what: 'new processes' });
        await healthy();
        await sh(`rmdir /sys/fs/cgroup/freezer/hung; rm -r ${drop}; systemctl daemon-reload; /usr/share/chatbot/deploy/host-services restart`);
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
        const lines = await sh("journalctl -q --no-pager -p err -o cat -t gateway -t authd -t projectd -t chatd -t filed | grep -v 'event=hung thread=' || :");
        t.equal(lines, '');
    });
}
