// Prism between tests and gateway: turns every request or reply that breaks the OpenAPI document
// into an error.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { eventually, request } from './http.mjs';
import { top } from './stack.mjs';

// Puts a proxy before the stack's first gateway; it ends with the stack.
export async function prism(stack) {
    const { port } = stack;
    const document = path.join(stack.dir, 'openapi.json');
    fs.writeFileSync(document, (await request(port, { path: '/openapi.json' })).text);
    const proxy = port + 1000 < 65536 ? port + 1000 : port - 1000;
    const log = fs.openSync(path.join(stack.dir, 'prism.out'), 'a');
    const program = path.join(top, 'tests/node_modules/@stoplight/prism-cli/dist/index.js');
    const args = [program, 'proxy', document, `http://127.0.0.1:${port}`, '--errors', '--port', String(proxy)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', log, log] });
    fs.closeSync(log);
    stack.companions.push(child);
    await eventually(() => request(proxy, { path: '/health/live' }), { within: 90000, what: 'prism answers' });
    stack.ports = [proxy];
    stack.port = proxy;
}
