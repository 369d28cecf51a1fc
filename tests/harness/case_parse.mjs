// Reads a .case file: scenes of steps.  tests/README.md has the language.
const REQUEST = /^(?:at (\d) )?(GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS) (\S+)(?: (.*))? -> (\S.*)$/;

// {settings, gateways, chatd, contract, scenes: [{title, line, steps}]}; a step is
// {line, verb, args, details: [{line, text}]}.
export function parseCase(text, file) {
    const made = { file, settings: {}, gateways: 1, chatd: 1, scenes: [] };
    let scene;
    let step;
    let fresh = true; // a comment after a blank line begins a scene
    text.split('\n').forEach((raw, index) => {
        const line = index + 1;
        const words = raw.trimEnd();
        if (!words.trim()) return void (fresh = true);
        if (words.startsWith('#')) {
            if (fresh) made.scenes.push((scene = { title: words.slice(1).trim(), line, steps: [] }));
            return void (fresh = false);
        }
        fresh = false;
        if (/^\s/.test(words)) {
            if (!step) throw new Error(`${file}:${line}: nothing that this could belong to`);
            if (!words.trim().startsWith('#')) step.details.push({ line, text: words.trim() });
            return;
        }
        if (header(made, words)) return;
        if (!scene) throw new Error(`${file}:${line}: a scene begins with a comment`);
        scene.steps.push((step = { ...parseStep(words, `${file}:${line}`), line, details: [] }));
    });
    made.scenes = made.scenes.filter((s) => s.steps.length);
    return made;
}

function header(made, words) {
    const [verb, ...rest] = words.split(/ +/);
    if (verb === 'settings') Object.assign(made.settings, pairs(rest));
    else if (words === 'contract') made.contract = true;
    else if (verb === 'gateways' || verb === 'chatd') made[verb] = Number(rest[0]);
    else return false;
    return true;
}

// {NAME: value} of NAME=value words.
export function pairs(words) {
    return Object.fromEntries(words.map((pair) => [pair.split('=')[0], pair.slice(pair.indexOf('=') + 1)]));
}

function parseStep(words, where) {
    const match = REQUEST.exec(words);
    if (match) {
        const [, gateway = '1', method, path, body, result] = match;
        return { verb: 'request', gateway: Number(gateway) - 1, method, path, body, result };
    }
    const [verb, ...args] = words.split(/ +/);
    if (!['as', 'login', 'set', 'upstream', 'expect-log', 'sleep', 'finish', 'reload'].includes(verb))
        throw new Error(`${where}: "${verb}" means nothing`);
    return { verb, args, rest: words.slice(verb.length + 1) };
}
