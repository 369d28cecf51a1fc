// SQL on a stack's database, as one of its roles.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

// Runs statements as a role ('postgres', 'filed', ...), each for itself; returns what psql said to each.
export function sql(stack, role, ...statements) {
    const pid = fs.readFileSync(path.join(stack.data, 'run/postgres.pid'), 'utf8').split(' ')[0];
    const argv = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    const dir = argv.find((a) => a.startsWith('unix_socket_directories=')).split('=')[1];
    const { uid, gid } = fs.statSync(path.join(stack.data, 'postgres'));
    const script = statements.map((text, i) => `\\echo === ${i}\n${text};\n`).join('');
    const command = 'exec psql -X -q -A -t -v VERBOSITY=verbose -h "$1" -U "$2" -d chatbot 2>&1';
    const options = { input: script, encoding: 'utf8', cwd: '/', uid, gid, env: { PATH: process.env.PATH } };
    const { stdout } = spawnSync('sh', ['-c', command, 'sh', dir, role], options);
    return stdout.split(/^=== \d+\n/m).slice(1).map((said) => said.trim());
}
