// Arguments of the chaos programs: --name VALUE for the names of a table, --dir DIR, --help.
import path from 'node:path';

// usage: text for --help; known: {name: default}, whose type the value has to have.  Ends the process
// on wrong usage.
export function options(usage, known) {
    const found = { ...known, dir: undefined };
    const words = process.argv.slice(2);
    while (words.length) {
        const [, name] = /^--([a-z]+)$/.exec(words.shift()) ?? [];
        if (name === 'help') end(usage, 0);
        const value = words.shift();
        if (name === 'dir' && value) found.dir = path.resolve(value);
        else if (typeof known[name] === 'number' && /^\d+$/.test(value ?? '')) found[name] = Number(value);
        else if (typeof known[name] === 'string' && /^[a-z_,]+$/.test(value ?? '')) found[name] = value;
        else end(usage, 2);
    }
    return found;
}

function end(usage, code) {
    console.log(usage);
    process.exit(code);
}
