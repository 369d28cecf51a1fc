// chaos/check: reads the records of a run and judges them.
import { check } from './checker.mjs';
import { readFacts } from './facts.mjs';
import { figures, told } from './figures.mjs';
import { verdict } from './kill.mjs';

const [dir, more] = process.argv.slice(2);
if (!dir || more || dir.startsWith('-')) {
    console.log('usage: tests/chaos/check DIR\n\nJudges the records of a run of tests/chaos/kill.  Exit 0: nothing to complain of; 1: there is.');
    process.exit(dir === '--help' ? 0 : 2);
}
const facts = readFacts(dir);
const problems = check(facts);
const { kinds, text } = verdict(problems);
console.log(`${told(figures(facts))}\n${text}${text && '\n'}${problems.length ? JSON.stringify(kinds) : 'nothing lost, doubled or swapped'}`);
process.exit(problems.length ? 1 : 0);
