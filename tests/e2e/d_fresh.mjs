// A change of a project or a prompt counts for the next message, also when the machine is busy.
import assert from 'node:assert/strict';

export default async function (t) {
    await t.as('alice');

    await t.test('the next message is sent with what was changed just before', async () => {
        const stale = [];
        await Promise.all(
            [1, 2, 3, 4, 5, 6].map(async (client) => {
                const project = (await t.call('POST', '/projects', { body: { name: 'fresh' } })).json.id;
                for (let i = 0; i < 40; i++) {
                    const mark = `echo+reply=${client}.${i}`;
                    await t.call('PUT', `/projects/${project}`, { body: { model: mark } });
                    const { json } = await t.call('POST', '/chat', { body: { project_id: project, message: 'which?' } });
                    if (json.reply !== `${client}.${i}`) stale.push(`${json.reply} instead of ${client}.${i}`);
                }
            }),
        );
        assert.deepEqual(stale, []);
    });
}
