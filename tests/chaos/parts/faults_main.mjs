// chaos/faults by hand: every call of the tour fails once.
import { Client, World } from '../../harness/client.mjs';
import { request } from '../../harness/http.mjs';
import { Contract } from '../../harness/openapi.mjs';
import { Stack, stopAll } from '../../harness/stack.mjs';
import { Faults, pointsOf, STACK } from './faults.mjs';
import { options } from './options.mjs';

const USAGE = `usage: tests/chaos/faults [--most N] [--step NAME] [--program NAME] [--kind NAME] [--at N]

Counts the calls of each kind that each step of the tour makes in each program, then repeats the step
with the first one failing, the second one, and so on: at most N (200) of them, evenly, and a quarter of
that of memory.  After each one everything has to be well by itself.  NAMEs choose a part
(parts/tour.mjs, parts/plans.mjs have them); --at N lets only the N-th call fail.
BUILD_DIR names the build (build/asan).  Exit 0: nothing to complain of; 1: there is; 2: wrong usage.`;

const given = options(USAGE, { most: 200, step: '', program: '', kind: '', at: 0 });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stopAll().finally(() => process.exit(1)));
const stack = await Stack.start(STACK);
const findings = [];
const begun = Date.now();
try {
    const world = new World();
    world.contract = new Contract((await request(stack.port, { path: '/openapi.json' })).json);
    const client = new Client(world, stack);
    await client.as('alice');
    const faults = new Faults(client, ({ where, what }) => {
        findings.push(where);
        console.log(`FAIL ${where}\n     ${what.split('\n').slice(0, 6).join('\n     ')}`);
    });
    const survey = await faults.survey(given);
    const points = given.at ? survey.map((one) => ({ ...one, n: given.at })) : pointsOf(survey, given.most);
    console.log(`${points.length} points of ${survey.reduce((sum, one) => sum + one.calls, 0)} calls`);
    for (const [i, point] of points.entries()) {
        await faults.point(point);
        if (i % 100 === 99) console.log(`${i + 1} of ${points.length}, ${findings.length} findings, ${Math.round((Date.now() - begun) / 1000)} s`);
    }
    console.log(faults.told());
    console.log(JSON.stringify({ name: 'faults', points: faults.points, failed: faults.met, findings: findings.length, seconds: Math.round((Date.now() - begun) / 1000), refusals: faults.refusals }));
} finally {
    await stack.stop();
    if (findings.length) console.log(`the stack's files: ${stack.dir}`);
    else stack.remove();
}
process.exit(findings.length ? 1 : 0);
