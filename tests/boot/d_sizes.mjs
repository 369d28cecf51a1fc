// What the services take: time until they serve, and memory idle, after a load and with streams.
import { call, gateway, healthy, put, sh, show, sleep, systemctl } from './host.mjs';
import { Load, account } from './load.mjs';
import { withStreams } from './streams.mjs';
import { units } from './a_install.mjs';

const extra = '/etc/chatbot/conf.d/zz.conf';
const provider = 'http://127.0.0.1:18080';

// Memory of all services, each page counted once, as "35.1 MB (gateway 9.3, ...)".
async function pss() {
    const of = {};
    for (const unit of units) {
        const pid = await show(unit, 'MainPID');
        of[unit.replace(/chatbot-|@1/g, '')] = Number(await sh(`awk '/^Pss:/ {print $2}' /proc/${pid}/smaps_rollup`)) / 1024;
    }
    const all = Object.values(of).reduce((sum, n) => sum + n, 0);
    return `${all.toFixed(1)} MB (${Object.entries(of).map(([name, n]) => `${name} ${n.toFixed(1)}`).join(', ')})`;
}

export default async function (t) {
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
    await t.test('memory: idle, and after a load', async () => {
        t.figures['PSS idle'] = await pss();
        const load = await Load.start(gateway, await account(gateway, 'load@example.com'));
        await load.more(500);
        await load.stop();
        t.equal(load.wrong(), '');
        t.figures['PSS after a load'] = await pss();
    });
    await t.test('memory with 128 and 512 streams, all of which come whole', async () => {
        put(extra, 'MAX_STREAMS=600\nMAX_TURNS=600\nMAX_TURNS_PER_USER=16\n');
        await systemctl('restart', 'chatbot-chatd@1', 'chatbot-gateway@1');
        await healthy();
        for (const count of [128, 512]) {
            const whole = await withStreams(count, provider, async () => {
                t.figures[`PSS with ${count} streams`] = await pss();
            });
            t.equal(whole, count, 'whole streams');
        }
        await sh(`rm ${extra}`);
        await systemctl('restart', 'chatbot-chatd@1', 'chatbot-gateway@1');
        await healthy();
    });
}
