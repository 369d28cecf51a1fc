// Plays the parts in order on the booted host; each needs what the ones before it made.
import { sh } from './host.mjs';
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
let passed = 0;
let failed = 0;

const t = {
    figures: {}, // what the closing lines say
    // One test: fn throws what is wrong.
    async test(name, fn, { vital = false } = {}) {
        const begun = Date.now();
        try {
            await fn();
            passed++;
            console.log(`ok   ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
        } catch (e) {
            failed++;
            console.log(`FAIL ${name}\n     ${e.stack.split('\n').slice(0, 12).join('\n     ')}`);
            if (vital) throw new Error('without this nothing else makes sense');
        }
    },
    equal(is, should, what = 'value') {
        const [a, b] = [JSON.stringify(is), JSON.stringify(should)];
        if (a !== b) throw new Error(`${what} is ${a}, should be ${b}`);
    },
    match(text, pattern) {
        if (!pattern.test(text)) throw new Error(`${String(text).slice(0, 1500)}\nlacks ${pattern}`);
    },
};

try {
    for (const [name, part] of Object.entries(parts)) {
        const only = process.env.BOOT_ONLY;
        if (only && only !== name && !needed.has(name)) continue;
        console.log(`---- ${name}`);
        await part(t);
    }
} catch (e) {
    failed++;
    console.log(`FAIL ${e.stack}`);
}
if (failed) console.log(await sh('journalctl --no-pager -n 60 -o short-monotonic', { any: true }).then((r) => r.text));
for (const [name, value] of Object.entries(t.figures)) console.log(`figure ${name}: ${value}`);
t.stop?.();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
