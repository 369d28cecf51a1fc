// One user's many turns hold another's single one up for no longer than a running turn takes, and
// no race takes a user over the limit.
import assert from 'node:assert/strict';
import { eventually, sleep } from '../harness/http.mjs';
import { execute, select, sql } from '../harness/database.mjs';
import { heard } from '../harness/upstream.mjs';

const MANY = 100;

export const stack = { settings: { MAX_TURNS: '4', MAX_TURNS_PER_USER: '3', HTTP_THREADS: '512' }, chatd: 2, own: true };

export default async function (t) {
    const chatter = async (model) => {
        const project = (await t.call('POST', '/projects', { body: { name: model, model } })).json.id;
        return (message) => {
            const reply = t.call('POST', '/chat', { body: { project_id: project, message }, timeout: 120000 });
            reply.catch(() => {}); // whoever waits for it says so
            return reply;
        };
    };
    const rows = (state) => Number(sql(t.stack, 'postgres', `SELECT count(*) FROM chat.turn WHERE state = '${state}'`)[0]);
    const settled = (running, queued) =>
        eventually(() => rows('running') === running && rows('queued') === queued, { within: 60000, what: `${running} run and ${queued} wait` });

    await t.as('alice');
    const alice = await chatter('hold');
    await t.as('bob');
    const bob = await chatter('hold');
    await t.as('carol');
    const carol = await chatter('hold');
    let many, fills;

    await t.test('a hundred turns at once: as many run as may', async () => {
        await t.as('alice');
        many = Array.from({ length: MANY }, (_, i) => alice(`a${i}`));
        await settled(3, MANY - 3);
        await t.stack.held(3);
    });

    await t.test('the next free slot is for who runs fewer', async () => {
        // the others' slots are filled, so that the single turn has to wait
        await t.as('carol');
        fills = [carol('c0'), carol('c1'), carol('c2')];
        await settled(6, MANY - 3);
        await t.as('dave');
        const dave = await chatter('hold');
        const more = [dave('d0'), dave('d1')];
        await settled(8, MANY - 3);
        await t.as('bob');
        const single = bob('b0');
        await settled(8, MANY - 2);
        await t.stack.held(8);
        const before = t.stack.upstream.calls.length;
        await t.stack.tell('release');
        await eventually(() => t.stack.upstream.calls.length >= before + 4, { within: 60000, what: 'the next ones' });
        const next = t.stack.upstream.calls.slice(before, before + 4).map((c) => heard(c).user);
        assert.ok(next.includes('b0'), `next were ${next}`);
        let done = false;
        single.then(() => (done = true));
        await eventually(() => (t.stack.tell('release'), done), { within: 60000, every: 200, what: 'its answer' });
        assert.equal((await single).status, 200);
        assert.ok(rows('queued') > MANY / 2, 'the many still wait');
        for (const reply of [...fills, ...more]) assert.equal((await reply).status, 200);
    });

    await t.test('and nobody ever runs more than the limit', async () => {
        let done = 0;
        many.forEach((reply) => reply.then(() => done++));
        let most = 0;
        await eventually(
            () => {
                most = Math.max(most, rows('running'));
                t.stack.tell('release');
                return done === MANY;
            },
            { within: 120000, what: 'all answers' },
        );
        for (const reply of many) assert.equal((await reply).status, 200);
        assert.ok(most <= 3, `${most} ran at once`);
    });

    // chat.may_run() with a table and a hash of our own: the second one begins while the first one holds
    // the lock, and comes to the lock when the first one has committed.
    await t.test('who waits on the way to the lock counts what was committed meanwhile', async () => {
        const run = "INSERT INTO turn SELECT 1, 'running' WHERE chat.may_run(1, 1)";
        await execute(
            t.stack,
            `CREATE SCHEMA few; CREATE TABLE few.turn (owner_id bigint, state text); CREATE SCHEMA slow;
             CREATE FUNCTION slow.hashtextextended(text, bigint) RETURNS bigint LANGUAGE plpgsql VOLATILE AS
             'BEGIN PERFORM pg_sleep(1.5); RETURN pg_catalog.hashtextextended($1, $2); END'`,
        );
        const first = execute(t.stack, `SET search_path = few, pg_catalog; BEGIN; ${run}; SELECT pg_sleep(0.8); COMMIT`);
        await sleep(200);
        await Promise.all([first, execute(t.stack, `SET search_path = slow, few, pg_catalog; ${run}`)]);
        assert.deepEqual(await select(t.stack, 'SELECT count(*) AS n FROM few.turn'), [{ n: 1 }]);
        await execute(t.stack, 'DROP SCHEMA few, slow CASCADE');
    });
}
