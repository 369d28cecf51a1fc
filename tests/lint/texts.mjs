// Texts of the pages and their translations: what the source says by t() and plural() is in every
// lang/*.json, and nothing else is; both name the same values. Prints what is wrong.
import fs from 'node:fs';
import path from 'node:path';

const ui = path.join(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../../gateway/ui');
const sources = fs.readdirSync(path.join(ui, 'js'), { recursive: true }).filter((name) => name.endsWith('.js'));

// The string literals of a call's arguments, up to its closing parenthesis; those of nested calls too.
function literals(code, at) {
    const found = [];
    for (let depth = 1; depth > 0 && at < code.length; at++) {
        if (code[at] === '(') depth++;
        else if (code[at] === ')') depth--;
        else if (code[at] === "'") {
            let text = '';
            for (at++; code[at] !== "'"; at++) text += code[at] === '\\' ? code[++at] : code[at];
            found.push(text);
        }
    }
    return found;
}

const said = new Map();
for (const name of sources) {
    const code = fs.readFileSync(path.join(ui, 'js', name), 'utf8');
    for (const call of code.matchAll(/\bt\('/g)) said.set(literals(code, call.index + 2)[0], name);
    for (const call of code.matchAll(/\bplural\((?!n, one)/g)) for (const text of literals(code, call.index + 7)) if (text.includes('{n}')) said.set(text, name);
}

const values = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort().join();
for (const file of fs.readdirSync(path.join(ui, 'lang'))) {
    const texts = JSON.parse(fs.readFileSync(path.join(ui, 'lang', file), 'utf8'));
    for (const [text, name] of said) {
        if (!(text in texts)) console.log(`${file}: lacks ${JSON.stringify(text)} of js/${name}`);
        else if (values(text) !== values(texts[text])) console.log(`${file}: other values in ${JSON.stringify(text)}`);
    }
    for (const text of Object.keys(texts)) if (!said.has(text)) console.log(`${file}: nobody says ${JSON.stringify(text)}`);
}
