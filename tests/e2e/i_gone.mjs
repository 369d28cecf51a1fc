// A deletion that was answered is true at once, at every gateway, however much there is to erase.
import assert from 'node:assert/strict';
import { settled } from '../harness/copies.mjs';

export const stack = { gateways: 2 };

const TURNS = 60; // more than are erased in one transaction
const FILES = 55;

export default async function (t) {
    await t.as('alice');
    const project = (await t.call('POST', '/projects', { body: { name: 'large' } })).json.id;
    const turns = [];
    const conversations = [];
    const files = [];

    await t.test('a project with more than is erased at once', async () => {
        for (let i = 0; i < TURNS; i++) {
            const reply = await t.call('POST', '/chat', { body: { project_id: project, message: `turn ${i}` } });
            assert.equal(reply.status, 200, reply.text);
            turns.push(reply.json.turn_id);
            conversations.push(reply.json.conversation_id);
        }
        for (let i = 0; i < FILES; i++) {
            const reply = await t.upload(`/projects/${project}/files`, `file ${i}`);
            assert.equal(reply.status, 201, reply.text);
            files.push(reply.json.id);
        }
        await settled(t, `/projects/${project}/files`);
    });

    await t.test('after DELETE nobody finds any of it', async () => {
        const [here, there] = t.stack.ports;
        const paths = [
            ...turns.map((id) => `/chat/turns/${id}`), ...conversations.map((id) => `/conversations/${id}/messages`),
            ...conversations.map((id) => `/conversations/${id}`),
            ...files.flatMap((id) => [`/projects/files/${id}`, `/projects/files/${id}/content`]),
        ];
        assert.equal((await t.call('GET', paths.at(TURNS))).status, 200);
        assert.equal((await t.call('DELETE', `/projects/${project}`, { port: here })).status, 204);
        const found = [];
        await Promise.all(
            [turns.at(-1), turns[0]].map(async (id) => {
                const reply = await t.call('GET', `/chat/turns/${id}`, { port: there });
                if (reply.status !== 404) found.push(`turn ${id}: ${reply.status}`);
            }),
        );
        for (const path of paths.reverse()) {
            const reply = await t.call('GET', path, { port: there });
            if (reply.status !== 404) found.push(`${path}: ${reply.status}`);
        }
        assert.deepEqual(found, []);
        assert.equal((await t.call('DELETE', `/projects/files/${files[0]}`)).status, 404);
    });
}
