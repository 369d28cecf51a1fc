// What a part of the boot test tells: tests that passed or failed, and figures.
export const t = {
    passed: 0,
    failed: 0,
    figures: {}, // what the closing lines say
    // One test: fn throws what is wrong.
    async test(name, fn, { vital = false } = {}) {
        const begun = Date.now();
        try {
            await fn();
            t.passed++;
            console.log(`ok   ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
        } catch (e) {
            t.failed++;
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
