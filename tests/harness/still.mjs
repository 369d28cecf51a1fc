// Whether the machine stood still: virtual ones are stopped at times, and what hits its limits then says
// nothing of the platform.

export const STILL_MS = 8000; // at once; shorter stops no case minds

let last = Date.now(), stops = []; // [{at, ms}]: when it went on
setInterval(() => note(), 500).unref();

function note() {
    const now = Date.now();
    if (now - last >= STILL_MS) stops.push({ at: now, ms: now - last });
    last = now;
}

// How long nothing ran at once since then, ms; 0: never for STILL_MS.
export function stoodStill(since) {
    note();
    return Math.max(0, ...stops.filter((stop) => stop.at >= since).map((stop) => stop.ms));
}
