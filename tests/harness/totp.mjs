// The app on somebody's phone: codes as RFC 6238 makes them, of the secret in an otpauth address.
import crypto from 'node:crypto';
import { sleep } from './http.mjs';

export class App {
    constructor(uri) {
        const bits = [...new URL(uri).searchParams.get('secret')].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
        this.secret = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
        this.used = 0;
    }

    // The code `off` steps of 30 s from now.
    code(off = 0) {
        const step = Buffer.alloc(8);
        step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + off));
        const mac = crypto.createHmac('sha1', this.secret).update(step).digest();
        const at = mac[19] & 15;
        return String((mac.readUInt32BE(at) & 0x7fffffff) % 1000000).padStart(6, '0');
    }

    // A code that was not used yet: of this step or, when that is used up, the next one, which a
    // clock may be ahead by; waits where both are.
    async fresh() {
        while (this.used >= Math.floor(Date.now() / 30000) + 1) await sleep(200);
        const now = Math.floor(Date.now() / 30000);
        this.used = Math.max(this.used + 1, now);
        return this.code(this.used - now);
    }
}
