// Plays the parts in order on the booted host; each needs what the ones before it made.
import { sh } from './host.mjs';
import { t } from './report.mjs';
import install from './a_install.mjs';
import closed from './b_closed.mjs';
import settings from './c_settings.mjs';
import sizes from './d_sizes.mjs';
import restarts from './d_restarts.mjs';
import operator from './d_operator.mjs';
import proxy from './e_proxy.mjs';
import upgrade from './f_upgrade.mjs';
import remove from './g_remove.mjs';

const parts = { install, closed, settings, sizes, restarts, operator, proxy, upgrade, remove };
const needed = new Set(['install']);
if (process.env.BOOT_ONLY === 'upgrade') needed.add('proxy');
if (process.env.BOOT_ONLY === 'remove') needed.add('operator');

try {
    for (const [name, part] of Object.entries(parts)) {
        const only = process.env.BOOT_ONLY;
        if (only && only !== name && !needed.has(name)) continue;
        console.log(`---- ${name}`);
        await part(t);
    }
} catch (e) {
    t.failed++;
    console.log(`FAIL ${e.stack}`);
}
if (t.failed) console.log(await sh('journalctl --no-pager -n 60 -o short-monotonic', { any: true }).then((r) => r.text));
for (const [name, value] of Object.entries(t.figures)) console.log(`figure ${name}: ${value}`);
t.stop?.();
console.log(`${t.passed} passed, ${t.failed} failed`);
process.exit(t.failed ? 1 : 0);
