// A newer package with two migrations more, and back: while people work, through nginx.
import { call, deb, healthy, install, sh, show } from './host.mjs';
import { front } from './e_proxy.mjs';
import { Load, account } from './load.mjs';

const versions = () =>
    sh(`cd /; for s in auth project chat file; do setpriv --reuid=postgres --regid=postgres --init-groups \\
        psql -XAt -d chatbot -c "SELECT max(version) FROM $s.schema_version"; done | paste -sd ' '`);
const installed = () => sh("dpkg-query -W -f '${Version}' chatbot-platform");
const running = ['chatbot-authd', 'chatbot-projectd', 'chatbot-filed', 'chatbot-chatd@1', 'chatbot-chatd@2', 'chatbot-gateway@1', 'chatbot-gateway@2'];
const started = async () => Object.fromEntries(await Promise.all(running.map(async (u) => [u, Number(await show(u, 'ExecMainStartTimestampMonotonic'))])));

export default async function (t) {
    const token = await account(front, 'load@example.com');
    const mine = await call(front, 'POST', '/projects', { token, body: { name: 'Kept' } });
    const old = await versions();

    await sh('systemctl enable --now chatbot-chatd@2');
    async function change(which, name) {
        const before = await started();
        const load = await Load.start(front, token);
        const begun = Date.now();
        await install(deb(which));
        const seconds = ((Date.now() - begun) / 1000).toFixed(1);
        await load.more(60);
        await load.stop();
        t.figures[name] = `${seconds} s, ${load.served} served, ${load.failed.length} failed, slowest ${load.slowest} ms`;
        t.equal(load.wrong(), '');
        t.equal(load.conflicts, 0, 'conflicts');
        const after = await started();
        for (const unit of running) if (!(after[unit] > before[unit])) throw new Error(`${unit} was not restarted`);
        const order = (u) => after[u];
        const gateways = Math.min(order('chatbot-gateway@1'), order('chatbot-gateway@2'));
        for (const unit of running.filter((u) => !u.includes('gateway')))
            if (!(order(unit) < gateways)) throw new Error(`${unit} came after a gateway`);
        t.equal((await call(front, 'GET', `/projects/${mine.json.id}`, { token })).json.name, 'Kept');
        await healthy(front);
    }

    await t.test('upgrade under load: 0 failed requests', async () => {
        await change('later', 'upgrade under load');
        t.match(await installed(), /\.99$/);
        const [a, p, c, f] = old.split(' ').map(Number);
        t.equal(await versions(), [a, p + 1, c + 1, f].join(' '), 'schema versions');
        t.match(await sh("journalctl --sync; journalctl -q --no-pager -o cat -u chatbot-projectd | grep event=start | tail -n 1"), /event=start version=[0-9.]+\.99/);
    });
    await t.test('rollback under load: the old daemons work with the newer schema', async () => {
        const schema = await versions();
        await change('this', 'rollback under load');
        t.equal(await versions(), schema, 'schema versions');
    });
    await t.test('upgrade again', async () => {
        await change('later', 'second upgrade under load');
    });
    await sh('systemctl disable --now chatbot-chatd@2');
}
